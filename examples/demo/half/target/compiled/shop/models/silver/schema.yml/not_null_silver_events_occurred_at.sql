
select occurred_at
from `lake`.`silver`.`events`
where occurred_at is null
