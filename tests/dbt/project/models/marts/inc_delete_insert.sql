{{ config(materialized='incremental', unique_key=['customer_id', 'placed'], incremental_strategy='delete+insert',
          on_schema_change='append_new_columns') }}
select customer_id, placed, count(*) as n {% if is_incremental() %}, 'new' as added {% endif %}
from {{ ref('stg_orders') }} where customer_id is not null group by 1, 2
