select
  count(*) as failures,
  count(*) != 0 as should_warn,
  count(*) != 0 as should_error
from (

select user_id_hashed
from `lake`.`gold`.`ml_user_features`
where user_id_hashed is null

) dbt_internal_test