{# what run_query() gives has Python's types: dates with strftime, a FLOAT widened #}
{%- set line = 'not yet' -%}
{%- if execute -%}
  {%- set row = run_query("select max(placed) as day, max(placed)::timestamp as at, count(*) as n, cast(3.3 as float) as f, 0.5 as half, true as yes from " ~ ref('raw_orders')).rows[0] -%}
  {%- set line = [row['day'].strftime('%d/%m/%Y'), row['day'], row['at'], (row['day'] - modules.datetime.timedelta(days=1)).isoformat(), row['n'] + 1, row['f'], row['half'], row['yes']] | join('|') -%}
{%- endif -%}
select '{{ line }}' as line from {{ ref('raw_orders') }} limit 1
