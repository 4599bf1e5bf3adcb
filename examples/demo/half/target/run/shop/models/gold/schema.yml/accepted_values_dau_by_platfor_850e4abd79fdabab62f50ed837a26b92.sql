select
  count(*) as failures,
  count(*) != 0 as should_warn,
  count(*) != 0 as should_error
from (

with all_values as (
    select
        platform as value_field,
        count(*) as n_records
    from `lake`.`gold`.`dau_by_platform`
    group by platform
)
select *
from all_values
where value_field not in (
    'WEB','IOS','ANDROID','BACKEND'
)

) dbt_internal_test