"""A made-up dbt project: views on seeds, chains and unions of views, tables of joins, every tenth of them incremental.

All models use macros, variables, loops or set blocks. The same numbers give the same project.
"""
import pathlib
import random

PROJECT = """name: synth
version: '1.0.0'
config-version: 2
profile: synth
model-paths: [models]
seed-paths: [seeds]
macro-paths: [macros]
models:
  synth:
    staging: {+materialized: view, +tags: [staging]}
    intermediate: {+materialized: view, +tags: [intermediate]}
    marts: {+materialized: table, +tags: [marts]}
vars:
  min_id: 0
"""
MACROS = """{% macro cents_to_dollars(col, scale=2) -%}
  ({{ col }} / 100.0)::decimal(18, {{ scale }})
{%- endmacro %}

{% macro pick(cols, prefix='') -%}
  {%- for c in cols -%}
    {{ prefix ~ '.' if prefix }}{{ c }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}

{% macro union_models(names) -%}
  {%- for m in names %}
  select id, amount, {{ loop.index }} as src from {{ ref(m) }}
  {% if not loop.last %}union all{% endif %}
  {%- endfor %}
{%- endmacro %}
"""
STAGING = """{%- set cols = ['id', 'grp', 'day'] -%}
with source as (select * from {{ ref('SOURCE') }})
select {{ pick(cols) }}, {{ cents_to_dollars('cents') }} as amount
from source where id > {{ var('min_id') }} + NUMBER
"""
UNION = """with u as (
  {{ union_models(NAMES) }}
)
select id, sum(amount) as amount from u group by id
"""
CHAIN = """{% set factor = NUMBER %}
select id, amount * {{ factor }} / {{ factor + 1 }} as amount
from {{ ref('UPSTREAM') }}
{% if target.name == 'prod' %}where id is not null{% endif %}
"""
HEAD = "{{ config(materialized='incremental', unique_key='id', tags=['inc']) }}\n"
TAIL = "{% if is_incremental() %} where b.id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def mart(ups, incremental):
    joins = "\n".join(f"left join {{{{ ref('{name}') }}}} j{k} on j{k}.id = b.id" for k, name in enumerate(ups[1:]))
    columns = ", ".join(f"j{k}.amount as a{k}" for k in range(len(ups) - 1))
    return (HEAD if incremental else "") + \
        f"select b.id, b.amount, {columns}\nfrom {{{{ ref('{ups[0]}') }}}} b\n{joins}\n" + (TAIL if incremental else "")


def schema(names):
    return "version: 2\nmodels:\n" + "".join(
        f"  - name: {name}\n    description: synthetic model {name}\n    columns:\n      - name: id\n"
        "        description: key\n        data_tests: [not_null, unique]\n" for name in names)


def make(folder, models, threads=4, seed=7):
    """40 % staging, 40 % intermediate (half chains of 20, half unions of 2 to 4), 20 % marts of 3 to 6; 2 tests each."""
    folder, rnd = pathlib.Path(folder), random.Random(seed)
    write(folder / "dbt_project.yml", PROJECT)
    write(folder / "profiles.yml", "synth:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n"
                                   f"      path: {folder.absolute()}/synth.duckdb\n      threads: {threads}\n")
    write(folder / "macros/helpers.sql", MACROS)
    for number in range(10):
        rows = "\n".join(f"{i},{rnd.randint(1, 5)},{rnd.randint(100, 99999)},2026-01-{i % 28 + 1:02d}" for i in range(1, 51))
        write(folder / f"seeds/raw_{number}.csv", "id,grp,cents,day\n" + rows + "\n")
    staging = [f"stg_{i:04d}" for i in range(int(models * .4))]
    middle = [f"int_{i:04d}" for i in range(int(models * .4))]
    marts = [f"mart_{i:04d}" for i in range(models - len(staging) - len(middle))]
    for i, name in enumerate(staging):
        write(folder / f"models/staging/{name}.sql",
              STAGING.replace("SOURCE", f"raw_{i % 10}").replace("NUMBER", str(i % 3)))
    for i, name in enumerate(middle):
        if i < len(middle) // 2:
            upstream = middle[i - 1] if i % 20 else rnd.choice(staging)
            text = CHAIN.replace("NUMBER", str(i % 7 + 1)).replace("UPSTREAM", upstream)
        else:
            text = UNION.replace("NAMES", repr(rnd.sample(staging, min(len(staging), rnd.randint(2, 4)))))
        write(folder / f"models/intermediate/{name}.sql", text)
    for i, name in enumerate(marts):
        ups = rnd.sample(middle, min(len(middle), rnd.randint(3, 6)))
        write(folder / f"models/marts/{name}.sql", mart(ups, i % 10 == 0))
    for layer, names in (("staging", staging), ("intermediate", middle), ("marts", marts)):
        write(folder / f"models/{layer}/schema.yml", schema(names))
