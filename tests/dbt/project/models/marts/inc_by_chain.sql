{{ config(materialized='by_chain', unique_key='k', on_schema_change='append_new_columns') }}
select 1 as k, 'one' as v union all select 2, '{{ "second" if is_there() else "first" }}'
{{ "union all select 3, 'late'" if is_there() }}
