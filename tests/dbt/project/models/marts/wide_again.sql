select customer, sum(ids) as ids, avg(ids) as mean, max(top) as most, sum(large) as large
from {{ ref('wide_sums') }} group by customer
