-- depends on nothing but a seed
select id as customer_id, upper(name) as name, since, vip from {{ ref('raw_customers') }}
