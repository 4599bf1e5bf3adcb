{{ config(materialized='incremental', incremental_strategy='merge', unique_key='order_id', merge_exclude_columns=['first_seen']) }}
select order_id, amount, {{ 2 if is_incremental() else 1 }} as run, {{ 2 if is_incremental() else 1 }} as first_seen
from {{ ref('stg_orders') }} where order_id >= {{ 3 if is_incremental() else 0 }}
