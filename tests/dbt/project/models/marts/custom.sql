{{ config(materialized='copied') }}
select s.customer_id, s.name from {{ source('raw', 'customers') }} as r join {{ ref('stg_customers') }} as s on s.customer_id = r.id
