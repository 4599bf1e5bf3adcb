
select user_id_hashed
from `lake`.`silver`.`events`
where user_id_hashed is null
