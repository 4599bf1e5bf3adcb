
select 1
from `lake`.`gold`.`dau_by_platform`
where not (dau >= 0)
