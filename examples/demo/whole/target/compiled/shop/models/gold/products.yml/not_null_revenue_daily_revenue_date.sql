
select revenue_date
from `lake`.`gold`.`revenue_daily`
where revenue_date is null
