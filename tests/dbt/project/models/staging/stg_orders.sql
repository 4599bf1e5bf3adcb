{{ config(alias='orders_staged') }}
{%- set wanted = ['done', 'open', 'lost'] %}
select
    id as order_id,
    customer as customer_id,
    {{ cents('amount', scale=1) }} as amount,
    placed,
    {% for s in wanted -%}
    status = '{{ s }}' as is_{{ s }}{{ ',' if not loop.last }}
    {% endfor %}
from {{ ref('raw_orders') }}
