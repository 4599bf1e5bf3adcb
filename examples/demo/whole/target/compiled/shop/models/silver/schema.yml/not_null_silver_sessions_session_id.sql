
select session_id
from `lake`.`silver`.`sessions`
where session_id is null
