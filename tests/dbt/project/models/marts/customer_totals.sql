{{ config(post_hook="insert into audit.hooks select '{{ this.identifier }}'",
          pre_hook="create table if not exists audit.hooks (model varchar)") }}
with t as (select * from {{ ref('eph_top') }})
select c.name, t.total, '{{ var("low") }}' as low, {{ all_of('a', 'b', sep='-', x=1) }} as packed
from t join {{ ref('stg_customers') }} c using (customer_id)
