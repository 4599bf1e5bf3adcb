
select valid_from
from `lake`.`silver`.`users`
where valid_from is null
