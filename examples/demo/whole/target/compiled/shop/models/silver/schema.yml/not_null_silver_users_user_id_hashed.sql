
select user_id_hashed
from `lake`.`silver`.`users`
where user_id_hashed is null
