
select event_type
from `lake`.`silver`.`events`
where event_type is null
