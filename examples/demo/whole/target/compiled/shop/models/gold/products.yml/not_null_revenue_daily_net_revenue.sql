
select net_revenue
from `lake`.`gold`.`revenue_daily`
where net_revenue is null
