
select dau
from `lake`.`gold`.`dau_by_platform`
where dau is null
