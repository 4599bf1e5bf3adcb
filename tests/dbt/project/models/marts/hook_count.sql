select what, count(*) as n from audit.hooks group by what
-- depends_on: {{ ref('hooked') }}
