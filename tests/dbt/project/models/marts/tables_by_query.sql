{%- set names = [] -%}
{%- if execute -%}
  {%- for row in run_query("select distinct status from " ~ ref('raw_orders') ~ " order by 1").rows -%}
    {%- do names.append(row['status']) -%}
  {%- endfor -%}
{%- endif -%}
select {{ names | length }} as n, '{{ names | join("+") }}' as names from {{ ref('raw_orders') }} limit 1
