select
  count(*) as failures,
  count(*) != 0 as should_warn,
  count(*) != 0 as should_error
from (

select 1
from `lake`.`gold`.`dau_by_platform`
where not (dau >= 0)

) dbt_internal_test