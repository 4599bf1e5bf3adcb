
select user_id_hashed
from `lake`.`silver`.`user_changes`
where user_id_hashed is null
