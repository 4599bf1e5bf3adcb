
select platform
from `lake`.`silver`.`events`
where platform is null
