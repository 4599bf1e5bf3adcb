select
  count(*) as failures,
  count(*) != 0 as should_warn,
  count(*) != 0 as should_error
from (

select
    user_id_hashed as unique_field,
    count(*) as n_records
from (select * from `lake`.`silver`.`users` where is_current) dbt_subquery
where user_id_hashed is not null
group by user_id_hashed
having count(*) > 1

) dbt_internal_test