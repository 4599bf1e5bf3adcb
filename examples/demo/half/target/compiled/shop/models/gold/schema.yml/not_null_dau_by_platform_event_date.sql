
select event_date
from `lake`.`gold`.`dau_by_platform`
where event_date is null
