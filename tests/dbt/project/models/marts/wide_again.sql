select customer, sum(ids) as ids, avg(ids) as mean, max(top) + 1 as next, sum(large) as large
from {{ ref('wide_sums') }} group by customer
