{# The two tests schema.yml names. A project that may use the network takes the whole package instead. #}
{% test recency(model, field, datepart, interval, column_name=None) %}
select latest
from (select max(cast({{ field }} as timestamp)) as latest from {{ model }}) as newest
where latest is null
   or latest < {{ dbt.dateadd(datepart, -interval, 'cast(current_date() as timestamp)') }}
{% endtest %}

{% test expression_is_true(model, expression, column_name=None) %}
select 1
from {{ model }}
where not ({{ column_name or '' }} {{ expression }})
{% endtest %}
