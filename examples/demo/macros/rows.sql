{# Rows of `alias` whose key is not in the model's table yet: a condition to append to a WHERE. #}
{% macro and_not_here_yet(alias, keys) %}
{%- if is_incremental() %}
  AND NOT EXISTS (
    SELECT 1 FROM {{ this }} AS here
    WHERE {% for key in keys %}here.{{ key }} = {{ alias }}.{{ key }}{{ ' AND ' if not loop.last }}{% endfor %})
{%- endif %}
{% endmacro %}

{# All rows of the CTE `rows` at first; later those that are new or differ in `columns`, so that a run that finds
   nothing new commits nothing. #}
{% macro new_or_changed(rows, keys, columns) %}
SELECT next.*
FROM {{ rows }} AS next
{%- if is_incremental() %}
LEFT JOIN {{ this }} AS here
  ON {% for key in keys %}here.{{ key }} = next.{{ key }}{{ ' AND ' if not loop.last }}{% endfor %}
WHERE here.{{ keys[0] }} IS NULL
{%- for column in columns %}
   OR NOT (here.{{ column }} <=> next.{{ column }})
{%- endfor %}
{%- endif %}
{% endmacro %}
