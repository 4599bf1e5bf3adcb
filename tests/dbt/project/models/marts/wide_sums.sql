{# sum() of integers is a HUGEINT in DuckDB; the lake keeps its digits #}
select customer, sum(id) as ids, count(*) as n, sum(id) * 10000000000000000 as large,
       sum(id) / 2 as half, cast(max(id) as ubigint) as top
from {{ ref('raw_orders') }} group by customer
