
select user_id_hashed
from `lake`.`gold`.`ml_user_features`
where user_id_hashed is null
