
select lsn
from `lake`.`silver`.`user_changes`
where lsn is null
