select
  count(*) as failures,
  count(*) != 0 as should_warn,
  count(*) != 0 as should_error
from (

with all_values as (
    select
        event_type as value_field,
        count(*) as n_records
    from (select * from `lake`.`silver`.`events` where dq_passed) dbt_subquery
    group by event_type
)
select *
from all_values
where value_field not in (
    'page_view','click','form_submit','purchase','error'
)

) dbt_internal_test