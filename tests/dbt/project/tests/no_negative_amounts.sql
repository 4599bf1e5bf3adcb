{{ config(severity='error', tags=['money']) }}
select * from {{ ref('stg_orders') }} where amount < 0
