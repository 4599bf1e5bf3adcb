
select platform
from `lake`.`gold`.`dau_by_platform`
where platform is null
