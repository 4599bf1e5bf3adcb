
select dq_passed
from `lake`.`silver`.`events`
where dq_passed is null
