"""What holds of lineage and personal data, a function each."""
import tempfile

from project import Project

GOLD = "{{ config(materialized='table', schema='gold') }}\n"
USERS = "{{ source('app', 'users') }}"

# name, files, what the message must say. Every one of them shows personal data in Gold or Silver.
LEAKS = [
    ("alias", {"models/m.sql": GOLD + f"select email as contact from {USERS}"}, ["column contact shows email"]),
    ("concat", {"models/m.sql": GOLD + f"select 'u-' || email || '-' || country as tag from {USERS}"},
     ["column tag shows email"]),
    ("substring", {"models/m.sql": GOLD + f"select substr(phone, 1, 5) as prefix from {USERS}"},
     ["column prefix shows phone", "= substr(phone"]),
    ("star", {"models/m.sql": GOLD + f"select * from {USERS}"},
     ["column email shows email", "column phone shows phone", "column is_ill shows health", "shows address"]),
    ("an ephemeral model", {
        "models/clean.sql": "{{ config(materialized='ephemeral') }} select id, lower(email) as mail from " + USERS,
        "models/m.sql": GOLD + "select mail from {{ ref('clean') }}"}, ["with clean", "lower(email)"]),
    ("two ephemeral models", {
        "models/a.sql": "{{ config(materialized='ephemeral') }} select email as a from " + USERS,
        "models/b.sql": "{{ config(materialized='ephemeral') }} select upper(a) as b from {{ ref('a') }}",
        "models/m.sql": GOLD + "select b from {{ ref('b') }}"}, ["with a", "with b", "column b shows email"]),
    ("a macro", {"macros/nice.sql": "{% macro nice(c) %}trim(lower({{ c }})){% endmacro %}",
                 "models/m.sql": GOLD + "select {{ nice('email') }} as e from " + USERS}, ["(lower(email))"]),
    ("a struct", {"models/m.sql": GOLD + "select {'a': {'m': email}, 'c': country} as s from " + USERS},
     ["column s shows email"]),
    ("a struct taken apart", {
        "models/stage.sql": "{{ config(schema='bronze') }} select {'m': email, 'c': country} as s from " + USERS,
        "models/m.sql": GOLD + "select s.m as x from {{ ref('stage') }}"},
     ["bronze.users.email", "bronze.stage.s.m", "gold.m.x"]),
    ("a field of a struct column", {"models/m.sql": GOLD + f"select address.street as s from {USERS}"},
     ["bronze.users.address.street", "shows address"]),
    ("the struct a field lies in", {"models/m.sql": GOLD + f"select address as whole from {USERS}"}, ["shows address"]),
    ("md5", {"models/m.sql": GOLD + f"select md5(email) as h from {USERS}"}, ["md5 is an unkeyed hash"]),
    ("sha256 with salt", {"models/m.sql": GOLD + f"select sha256('salt' || email) as h from {USERS}"},
     ["sha256 is an unkeyed hash"]),
    ("case", {"models/m.sql": GOLD + f"select case when age > 40 then email else '' end as e from {USERS}"},
     ["column e shows email"]),
    ("case over a boolean", {"models/m.sql": GOLD + f"select case when is_ill then 'y' else 'n' end as e from {USERS}"},
     ["column e shows health"]),
    ("min and max", {"models/m.sql": GOLD + f"select country, min(email) as lo, max(phone) as hi from {USERS} group by 1"},
     ["column lo shows email", "column hi shows phone"]),
    ("list", {"models/m.sql": GOLD + f"select country, list(email) as mails from {USERS} group by 1"}, ["mails shows"]),
    ("json", {"models/m.sql": GOLD + f"select to_json({{'e': email}}) as j from {USERS}"}, ["column j shows email"]),
    ("string_agg", {"models/m.sql": GOLD + f"select string_agg(email, ';') as mails from {USERS}"}, ["mails shows"]),
    ("a window", {"models/m.sql": GOLD + f"select lag(email) over (order by id) as before from {USERS}"},
     ["column before shows email"]),
    ("a scalar subquery", {"models/m.sql": GOLD + f"select (select max(email) from {USERS}) as top"}, ["top shows"]),
    ("a union", {"models/m.sql": GOLD + f"select country as x from {USERS} union all select phone from {USERS}"},
     ["column x shows phone"]),
    ("unnest of a list made of it", {"models/m.sql": GOLD + f"select unnest([email, phone]) as u from {USERS}"},
     ["column u shows email", "column u shows phone"]),
    ("a lambda", {"models/m.sql": GOLD + f"select list_transform([email], x -> upper(x)) as u from {USERS}"},
     ["column u shows email"]),
    ("a sanctioned function beside it",
     {"models/m.sql": GOLD + f"select pii_token(email) || split_part(email, '@', 2) as u from {USERS}"},
     ["column u shows email"]),
    ("a recursive query", {"models/m.sql": GOLD + "with recursive c(i, e) as (select id, email from " + USERS +
                           " union all select i + 1, e from c where i < 3) select e from c"}, ["column e shows email"]),
    ("a view model two steps up", {
        "models/one.sql": "{{ config(schema='bronze', materialized='view') }} select id, email as a from " + USERS,
        "models/two.sql": "{{ config(schema='work', materialized='view') }} select id, lower(a) as b from {{ ref('one') }}",
        "models/m.sql": GOLD + "select b as c from {{ ref('two') }}"},
     ["bronze.users.email", "-> bronze.one.a", "-> work.two.b = lower(a)", "-> gold.m.c"]),
    ("a name that is no ref", {"models/m.sql": GOLD + "select email from bronze.users"}, ["column email shows email"]),
    ("an incremental model", {"models/m.sql": "{{ config(materialized='incremental', schema='gold', unique_key='id') }}"
                              f" select id, email from {USERS}"}, ["column email shows email"]),
    ("a snapshot's key", {"snapshots/s.sql": "{% snapshot s %}{{ config(target_schema='silver', unique_key='email',"
                          " strategy='check', check_cols=['age']) }} select pii_token(email) as e, email, age from "
                          + USERS + "{% endsnapshot %}"}, ["column dbt_scd_id shows email"]),
    ("silver as well", {"models/m.sql": "select email from " + USERS}, ["in silver"]),
]

# What must compile: nothing here shows anybody's data.
HARMLESS = [
    ("the keyed hash", f"select pii_token(email) as t, pii_token(phone) || country as u from {USERS}"),
    ("the keyed hash in a macro's text", f"select upper(pii_token(lower(email))) as t from {USERS}"),
    ("counting", f"select country, count(email) as n, count(distinct phone) as p from {USERS} group by country"),
    ("a join on it alone", f"select a.id, b.country from {USERS} a join {USERS} b on a.email = b.email"),
    ("filter, order and group by it", f"select max(id) as m from {USERS} where email like '%@x.org' group by phone order by phone"),
    ("comparing", f"select id, email is null as none, email = 'a' as a, email like '%@x.org' as ours from {USERS}"),
    ("numbering by it", f"select id, row_number() over (partition by email order by phone) as n from {USERS}"),
    ("a case whose results are ours", f"select case when email like '%.org' then 'org' else 'other' end as k from {USERS}"),
    ("the struct's other field", f"select address.city as city from {USERS}"),
    ("a struct's other field", f"select s.c as c from (select {{'m': email, 'c': country}} as s from {USERS})"),
    ("exists", f"select id from {USERS} u where exists (select 1 from {USERS} v where v.email = u.email and v.id <> u.id)"),
    ("no personal column", f"select id, country, age from {USERS}"),
]


def leaks(work):
    for name, files, says in LEAKS:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            project = Project(folder, files)
            code, said = project.dbt("compile")
            assert code == 1, f"{name}: exit code {code}\n{said}"
            for text in ["raw personal data"] + says:
                assert text in said, f"{name}: does not say {text!r}\n{said}"


def harmless(work):
    files = {f"models/m{i}.sql": GOLD + text for i, (_, text) in enumerate(HARMLESS)}
    code, said = Project(work, files).dbt("compile")
    assert code == 0, said


def nothing_runs(work):
    project = Project(work, {"models/stage.sql": "{{ config(schema='bronze') }} select id, email as e from " + USERS,
                             "models/bad.sql": GOLD + "select e from {{ ref('stage') }}",
                             "models/after.sql": GOLD + "select 1 as one from {{ ref('bad') }}"})
    code, said = project.dbt("run")
    assert code == 1 and "raw personal data" in said, said
    status = {r["unique_id"]: r["status"] for r in project.results()}
    assert status == {"model.shop.stage": "success", "model.shop.bad": "error", "model.shop.after": "skipped"}, status
    assert project.sql("SHOW TABLES IN gold") == [], "a forbidden table was made"
    # Only the second of two models selected: its parent is followed all the same.
    code, said = project.dbt("run", "-s", "bad")
    assert code == 1 and "bronze.users.email" in said, said


def before_tables_exist(work):
    """A project is judged on an empty lake, from what its YAML says of its sources."""
    project = Project(work, {"models/stage.sql": "select id, email, country from " + USERS,
                             "models/m.sql": GOLD + "select country, email as e from {{ ref('stage') }}"},
                      "models: {shop: {stage: {+schema: bronze}}}\n", tables=None)
    code, said = project.dbt("compile")
    assert code == 1 and "column e shows email" in said, said


def view_of_the_lake(work):
    """A source that is a view over a classified table is seen through."""
    extra = "  - {name: lakeview, schema: bronze, tables: [{name: contacts}]}\n"
    from project import SOURCES, TABLES
    project = Project(work, {"models/m.sql": GOLD + "select who from {{ source('lakeview', 'contacts') }}"},
                      sources=SOURCES + extra,
                      tables=TABLES + "CREATE VIEW bronze.contacts AS SELECT id, lower(email) AS who FROM bronze.users;")
    code, said = project.dbt("compile")
    assert code == 1 and "column who shows email" in said and "lower(email)" in said, said


def project_functions(work):
    """Functions the project lists, layers, an answered-for column, warnings."""
    model = {"models/m.sql": GOLD + f"select sha256(email) as h, length(phone) as n from {USERS}",
             "models/m.yml": "models: [{name: m, columns: [{name: n, meta: {pii: none}}]}]"}
    code, said = Project(work + "/a", model, "tarn: {pii: {sanctioned: [SHA256]}}\n").dbt("compile")
    assert code == 0, said
    code, said = Project(work + "/b", model, "tarn: {pii: {action: warn}}\n").dbt("compile")
    assert code == 0 and "column h shows email" in said, said
    code, said = Project(work + "/c", model, "tarn: {pii: {layers: [serving]}}\n").dbt("compile")
    assert code == 0, said
    code, said = Project(work + "/d", model, "tarn: {pii: {layers: ['*']}}\n").dbt("compile")
    assert code == 1 and "column h shows email" in said and "column n" not in said, said
    code, said = Project(work + "/e", model, "tarn: {pii: {layer: [gold]}}\n").dbt("compile")
    assert code == 2 and "tarn.pii has no key 'layer'" in said, said


def payloads(work):
    """Classes inside Bronze's bytes, from a contract and from dotted columns, in the Spark dialect."""
    contract = """
contract:
  name: signups
  version: "1.0"
  owner: web
  streams: [bronze.signups]
  schema:
    - {name: user_id, type: string, nullable: false}
    - {name: email, type: string, pii: email}
    - {name: plan, type: string}
"""
    sources = """
sources:
  - name: raw
    schema: bronze
    tables:
      - name: signups
      - name: changes
        columns: [{name: raw_payload.after.phone, meta: {pii: phone}}]
"""
    read = "get_json_object(cast(raw_payload as string), '$.%s')"
    good = (f"select {read % 'user_id'} as user_id, pii_token({read % 'email'}) as email, c.op, c.after.city "
            "from {{ source('raw', 'signups') }} cross join (select from_json(cast(raw_payload as string), "
            "'op STRING, after STRUCT<phone: STRING, city: STRING>') as c from {{ source('raw', 'changes') }})")
    tables = ("CREATE TABLE bronze.signups (raw_payload BINARY) USING DELTA; "
              "CREATE TABLE bronze.changes (raw_payload BINARY) USING DELTA;")
    project = Project(work, {"contracts/signups.yml": contract, "models/good.sql": GOLD + good},
                      "tarn: {dialect: spark}\n", tables=tables, sources=sources)
    code, said = project.dbt("compile")
    assert code == 0, said
    for name, text, says in [
            ("path", f"select {read % 'email'} as e from {{{{ source('raw', 'signups') }}}}", "column e shows email"),
            ("whole payload", "select raw_payload as p from {{ source('raw', 'signups') }}", "column p shows email"),
            ("parsed", "select from_json(cast(raw_payload as string), 'after STRUCT<phone: STRING>').after.phone as p "
                       "from {{ source('raw', 'changes') }}", "column p shows phone")]:
        project.write("models/bad.sql", GOLD + text)
        code, said = project.dbt("compile", "-s", "bad")
        assert code == 1 and says in said, f"{name}: {said}"


def untraceable(work):
    """What cannot be followed is refused where personal data could have reached it, and only there."""
    files = {"models/p.sql": GOLD + f"pivot (select country, age from {USERS}) on country using sum(age)",
             "models/q.sql": GOLD + "pivot (select 1 as a, 2 as b) on a using sum(b)"}
    code, said = Project(work, files).dbt("compile")
    assert code == 1 and "p (models/p.sql) is in gold, reads personal data and cannot be traced" in said, said
    assert "q (models/q.sql)" not in said, said


def lineage_table(work):
    project = Project(work, {"models/stage.sql": f"select id, pii_token(email) as who, lower(country) as land from {USERS} where age > 1",
                             "models/m.sql": GOLD + "select land, count(*) as n, max(id) as top from {{ ref('stage') }} group by land"})
    env = {"K": "0123456789abcdef0123"}
    code, said = project.dbt("run", "--pii-key", "k1=env:K", env=env)
    assert code == 0, said
    rows = project.sql("SELECT table_name, column_name, source_table, source_column, kind, is_masked, pii, expression "
                       "FROM system.column_lineage")
    edges = sorted((r["table_name"], r["column_name"] or "*", r["kind"] or "", f"{r['source_table']}.{r['source_column']}",
                    r["is_masked"]) for r in rows)
    wanted = sorted([
        ("silver.stage", "id", "identity", "bronze.users.id", False),
        ("silver.stage", "who", "transformation", "bronze.users.email", True),
        ("silver.stage", "land", "transformation", "bronze.users.country", False),
        ("silver.stage", "*", "filter", "bronze.users.age", False),
        ("gold.m", "land", "identity", "silver.stage.land", False),
        ("gold.m", "n", "", "None.None", None),
        ("gold.m", "top", "aggregation", "silver.stage.id", False),
        ("gold.m", "*", "group_by", "silver.stage.land", False)])
    assert edges == wanted, edges
    meta = project.manifest()["nodes"]["model.shop.stage"]["meta"]["tarn"]
    assert meta["column_lineage"]["land"] == {
        "type": "VARCHAR", "from": [{"table": "bronze.users", "column": "country", "kind": "transformation"}]}, meta
    history = "SELECT max(version) AS v FROM delta_history('system.column_lineage')"
    first = project.sql(history)
    project.dbt("run", "--pii-key", "k1=env:K", env=env)
    assert project.sql(history) == first, "a run that changes no lineage committed"
    # One model changes, one goes: their rows only.
    project.write("models/m.sql", GOLD + "select land from {{ ref('stage') }}")
    project.dbt("run", "-s", "m", "--pii-key", "k1=env:K", env=env)
    count = "SELECT count(*) AS n FROM system.column_lineage WHERE table_name = '%s'"
    assert project.sql(count % "gold.m") == [{"n": 1}] and project.sql(count % "silver.stage") == [{"n": 4}]
    (project.folder / "models/m.sql").unlink()
    project.dbt("run", "--pii-key", "k1=env:K", env=env)
    assert project.sql(count % "gold.m") == [{"n": 0}]


def required_meta(work):
    rule = "tarn: {require: {gold: [owner, sla_minutes]}}\n"
    project = Project(work, {"models/m.sql": GOLD + "select 1 as a", "models/s.sql": "select 1 as a"}, rule)
    code, said = project.dbt("build")
    assert code == 2 and "m (models/m.sql) is in gold and lacks owner, sla_minutes" in said, said
    assert "models/s.sql" not in said and project.sql("SHOW TABLES IN silver") == [], said
    project.write("models/m.yml", "models: [{name: m, meta: {owner: finance, sla_minutes: 30}}]")
    code, said = project.dbt("build")
    assert code == 0, said


ALL = [(f"{len(LEAKS)} ways of leaking are refused, with the way they took", leaks),
       (f"{len(HARMLESS)} harmless uses of personal data compile", harmless),
       ("a refused model makes no table, what stands on it is skipped, its parents are followed unselected", nothing_runs),
       ("a project is judged on an empty lake", before_tables_exist),
       ("a source that is a view is seen through", view_of_the_lake),
       ("functions, layers, answers and warnings of the project", project_functions),
       ("classes inside payloads, by contract and by dotted column", payloads),
       ("what cannot be traced is refused where it matters", untraceable),
       ("system.column_lineage and the manifest hold the edges, once", lineage_table),
       ("owner and SLA where the project asks for them", required_meta)]
