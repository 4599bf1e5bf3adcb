{% snapshot customers_history %}
{{ config(unique_key='customer_id', strategy='check', check_cols=['name', 'vip'], hard_deletes='invalidate') }}
select customer_id, name, vip from {{ ref('stg_customers') }}
{% endsnapshot %}
