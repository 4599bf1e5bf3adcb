
select transaction_id
from `lake`.`silver`.`transactions`
where transaction_id is null
