{% macro cents(column, scale=2) -%}
  round(cast({{ column }} as decimal(18, 4)), {{ scale }})
{%- endmacro %}
{% macro all_of() -%}
  '{{ varargs | join(kwargs.sep) }}:{{ kwargs | length }}'
{%- endmacro %}
{% test above(model, column_name, limit_value) %}
select * from {{ model }} where {{ column_name }} <= {{ limit_value }}
{% endtest %}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}
{% materialization copied, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks) }}
  {% call statement('main') -%}
    create or replace table {{ target_relation }} as select *, 'copied' as how from ({{ sql }}) as s
  {%- endcall %}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
