{% macro is_there() %}
  {{ return(execute and adapter.get_relation(this.database, this.schema, this.identifier) is not none) }}
{% endmacro %}

{# Runs the hooks itself, once; what comes after the commit is rolled back. #}
{% materialization logged, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    create or replace table {{ target_relation }} as {{ sql }}
  {%- endcall %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% call statement('lost') -%}
    insert into {{ target_relation }} select 99
  {%- endcall %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# An incremental materialization made of the macros dbt's own is made of. #}
{% materialization by_chain, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks) }}
  {%- if existing is none or should_full_refresh() -%}
    {% call statement('main') -%}{{ get_create_table_as_sql(False, target_relation, sql) }}{%- endcall %}
  {%- else -%}
    {%- set policy = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
    {%- set fresh = make_temp_relation(target_relation, '__new') -%}
    {% do drop_relation_if_exists(fresh) %}
    {% do run_query(get_create_table_as_sql(False, fresh, sql)) %}
    {%- set columns = process_schema_changes(policy, fresh, existing) or adapter.get_columns_in_relation(existing) -%}
    {% call statement('main') -%}
      {{ get_delete_insert_merge_sql(target_relation, fresh, config.get('unique_key'), columns, none) }}
    {%- endcall %}
    {% do adapter.drop_relation(fresh) %}
  {%- endif -%}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# The macro says how its failures are counted. #}
{% test few_rows(model, most) %}
  {{ config(fail_calc='sum(coalesce(excess, 0))') }}
  select greatest(count(*) - {{ most }}, 0) as excess from {{ model }}
{% endtest %}
{% test marked(model, column_name) %}
  {{ config(severity='warn', tags=['marked']) }}
  select {{ column_name }} from {{ model }} where {{ column_name }} > 0
{% endtest %}
