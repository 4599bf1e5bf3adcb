
select latest
from (select max(cast(event_date as timestamp)) as latest from `lake`.`gold`.`dau_by_platform`) as newest
where latest is null
   or latest < date_add(cast(cast(current_date() as timestamp) as date), -1)
