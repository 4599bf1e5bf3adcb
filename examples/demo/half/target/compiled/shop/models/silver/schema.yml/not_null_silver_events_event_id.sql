
select event_id
from `lake`.`silver`.`events`
where event_id is null
