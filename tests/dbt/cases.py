"""Cases of Tarn alone: what dbt-duckdb has no counterpart for, or what is asked of the lake itself.

Each case takes a folder of its own and raises AssertionError with what is wrong.
"""
import hmac
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import kills
import oracle

HERE = pathlib.Path(__file__).resolve().parent


class Project:
    def __init__(self, folder, source=None):
        self.folder = pathlib.Path(folder)
        if source:
            shutil.copytree(source, self.folder, dirs_exist_ok=True)
        (self.folder / "warehouse.lake").mkdir(parents=True, exist_ok=True)

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def dbt(self, *words, code=0):
        done = oracle.run([oracle.TARN, "dbt", *words, "--profiles-dir", ".", "--no-fsync"], self.folder)
        assert done.returncode == code, f"{' '.join(words)}: exit code {done.returncode}, not {code}: " \
                                        f"{done.stdout[-1500:]} {done.stderr[-500:]}"
        return done

    def sql(self, text, dialect="spark"):
        done = oracle.run([oracle.TARN, "sql", "--lake", "warehouse.lake", "--dialect", dialect, "--format", "json",
                           "-q", "-c", text], self.folder)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else []

    def results(self):
        """Status by the node's name: the second and third part of its unique_id."""
        return {".".join(i.split(".")[2:3]): (s, f) for i, (s, f, _) in oracle.results_of(self.folder).items()}


def events(*rows):
    values = ", ".join(f"({i}, '{user}', '{session}', '{platform}', {days}, {late}, {good})"
                       for i, user, session, platform, days, late, good in rows)
    return f"INSERT INTO silver.events VALUES {values}"


def reference(work):
    """The reference's dau_by_platform and schema.yml, letter by letter."""
    project = Project(work, HERE / "reference")
    project.sql("CREATE TABLE silver.events (event_id INT, user_id_hashed STRING, "
                "session_id STRING, platform STRING, days_ago INT, is_late_arrival BOOLEAN, dq_passed BOOLEAN);"
                + events((1, "u1", "s1", "WEB", 0, "false", "true"), (2, "u1", "s1", "WEB", 0, "false", "true"),
                         (3, "u2", "s2", "WEB", 0, "false", "true"), (4, "u3", "s3", "IOS", 2, "false", "true"),
                         (5, "u4", "s4", "IOS", 5, "false", "true"), (6, "u5", "s5", "WEB", 0, "false", "false")))
    gold = "SELECT datediff(current_date(), event_date) AS day, platform, dau, total_sessions, total_events, " \
           "events_per_session, late_arrival_count, failed_dq_count FROM gold.dau_by_platform ORDER BY 1, 2"

    def rows():
        return [list(row.values()) for row in project.sql(gold)]

    project.dbt("build")
    first = [[0, "WEB", 2, 2, 3, 1.5, 0, 0], [2, "IOS", 1, 1, 1, 1.0, 0, 0], [5, "IOS", 1, 1, 1, 1.0, 0, 0]]
    assert rows() == first, rows()
    assert set(s for s, _ in project.results().values()) == {"success", "pass"}, project.results()

    # Late rows: within the look-back they count, a new day's platform is added, older ones wait for a full refresh.
    project.sql(events((7, "u6", "s6", "IOS", 2, "true", "true"), (8, "u7", "s7", "ANDROID", 1, "false", "true"),
                       (9, "u8", "s8", "IOS", 5, "true", "true")))
    project.dbt("build")
    second = [first[0], [1, "ANDROID", 1, 1, 1, 1.0, 0, 0], [2, "IOS", 2, 2, 2, 1.0, 1, 0], first[2]]
    assert rows() == second, rows()
    project.dbt("build")
    assert rows() == second, f"run again: {rows()}"
    history = project.sql("DESCRIBE HISTORY gold.dau_by_platform")
    assert [h["operation"] for h in history][:2] == ["MERGE", "MERGE"] and len(history) == 3, history
    project.dbt("run", "--full-refresh")
    assert [5, "IOS", 2, 2, 2, 1.0, 1, 0] in rows(), rows()

    # Each test is made to fail by data of its own.
    spoils = {
        "recency": "DELETE FROM gold.dau_by_platform WHERE event_date > date_sub(current_date(), 2)",
        "expression_is_true": "UPDATE gold.dau_by_platform SET dau = -1 WHERE platform = 'ANDROID'",
        "not_null_dau_by_platform_event_date": "UPDATE gold.dau_by_platform SET event_date = NULL "
                                               "WHERE platform = 'ANDROID'",
        "not_null_dau_by_platform_platform": "UPDATE gold.dau_by_platform SET platform = NULL WHERE dau = 2",
        "not_null_dau_by_platform_dau": "UPDATE gold.dau_by_platform SET dau = NULL WHERE platform = 'ANDROID'",
        "accepted_values": "UPDATE gold.dau_by_platform SET platform = 'web' WHERE platform = 'WEB'"}
    for name, spoil in spoils.items():
        project.dbt("run", "--full-refresh")
        project.dbt("test")
        project.sql(spoil)
        project.dbt("test", code=1)
        failed = [test for test, (status, _) in project.results().items() if status != "pass"]
        assert len(failed) == 1 and name in failed[0], f"{name}: {failed}"


def small(work, files):
    project = Project(work)
    project.write("dbt_project.yml", 'name: shop\nversion: "1.0"\nconfig-version: 2\nprofile: shop\n')
    project.write("profiles.yml", "shop: {target: dev, outputs: {dev: {type: tarn, schema: gold, "
                                  "lake: warehouse.lake}}}\n")
    for path, text in files.items():
        project.write(path, text)
    return project


PACKAGE = {"packages.yml": "packages:\n  - local: packages/tools\n",
           "packages/tools/dbt_project.yml": "name: tools\nversion: '1.0'\n"}
ERRORS = [
    ("unknown ref", {"models/abc.sql": "select 1 as i", "models/b.sql": "select *\nfrom {{ ref('abd') }}"}, 2,
     "tarn: error: models/b.sql:2: Model 'model.shop.b' (models/b.sql) depends on a node named 'abd' which was not "
     "found; did you mean 'abc'?"),
    ("cycle", {"models/a.sql": "select * from {{ ref('b') }}", "models/b.sql": "select * from {{ ref('a') }}"}, 2,
     "tarn: error: Found a cycle: model.shop.b --> model.shop.a --> model.shop.b; models/b.sql is one of them: take "
     "one ref() out of the circle"),
    ("two models", {"models/a.sql": "select 1 as i", "models/s/a.sql": "select 1 as i"}, 2,
     'tarn: error: dbt found two models with the name "a": models/a.sql and models/s/a.sql; rename one of them, or '
     'disable it'),
    ("wrong key", {"models/a.sql": "select 1 as i", "models/s.yml": "models:\n  - name: a\n    colums: []\n"}, 2,
     "tarn: error: models/s.yml:3: unknown key 'colums'; did you mean 'columns'?"),
    ("missing package", {"models/a.sql": "select 1 as i",
                         "packages.yml": "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.1.1\n"}, 2,
     "tarn: error: package dbt-labs/dbt_utils (packages.yml of shop) is not in {folder}/dbt_packages; run "
     "`tarn dbt deps` to see where to put it"),
    ("wrong SQL", {"models/a.sql": "{% set x = 1 %}\n\nselect\n  nonsense\nfrom (select 1 as i)\n"}, 1,
     'models/a.sql:4: Referenced column "nonsense" not found in FROM clause! Candidate bindings: "i"'),
    ("Jinja of a package does not parse", {**PACKAGE, "packages/tools/macros/add.sql":
                                           "{% macro add(a, b) %}\n  {{ a +/ b }}\n{% endmacro %}",
                                           "models/a.sql": "select {{ tools.add(1, 2) }} as i"}, 2,
     "tarn: error: tools://macros/add.sql:2:9: TemplateSyntaxError: unexpected '/'"),
    ("Jinja of a package fails", {**PACKAGE, "packages/tools/macros/add.sql":
                                  "{% macro add(a, b) %}\n\n  {{ a + b }}\n{% endmacro %}",
                                  "models/a.sql": "select\n  {{ tools.add(1, 'x') }} as i"}, 2,
     "tarn: error: tools://macros/add.sql:3:8: TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
    ("unknown macro of a package", {**PACKAGE, "packages/tools/macros/add.sql": "{% macro add(a, b) %}1{% endmacro %}",
                                    "models/a.sql": "select\n  {{ tools.ad(1, 2) }} as i"}, 1,
     "models/a.sql:2:12: UndefinedError: 'dict object' has no attribute 'ad'")]


def errors(work):
    """What is wrong, where, and what to do: the same words every time."""
    for number, (name, files, code, message) in enumerate(ERRORS):
        project = small(work / str(number), {**files, "models/fine/first.sql": "select 1 as i"})
        done = project.dbt("run", code=code)
        made = project.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'gold'", "duckdb")
        assert made == ([] if code == 2 else [{"table_name": "first"}]), f"{name}: something ran: {made}"
        message = message.replace("{folder}", str(project.folder))
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        assert any(line.endswith(message) for line in lines), f"{name}: {message}\nnot in\n" + "\n".join(lines)


def retry(work):
    """--fail-fast lists what it did not start as skipped; retry takes exactly that and what failed."""
    project = small(work, {"models/a.sql": "select 1 as i", "models/b.sql": "select wrong from {{ ref('a') }}",
                           "models/c.sql": "select * from {{ ref('b') }}", "models/d.sql": "select 4 as i"})
    project.dbt("run", "--fail-fast", "--threads", "1", code=1)
    found = {name: status for name, (status, _) in project.results().items()}
    assert found["b"] == "error" and found["c"] == "skipped" and set(found) == set("abcd"), found
    rest = {name for name, status in found.items() if status != "success"}
    project.write("models/b.sql", "select i + 1 as i from {{ ref('a') }}")
    project.dbt("retry")
    assert project.results() == {name: ("success", None) for name in rest}, project.results()
    assert project.sql("SELECT i FROM gold.c") == [{"i": 2}]
    assert "Nothing to retry" in project.dbt("retry").stdout


def remembered(work):
    """retry without a word of its own: lake, target, vars, --empty, --threads are those of the run."""
    project = small(work, {"models/a.sql": "select {{ var('x') }} as x, '{{ target.name }}' as t",
                           "models/b.sql": "{{ config(materialized='table') }} select wrong from {{ ref('a') }}",
                           "models/c.sql": "select 1 as not_selected"})
    project.write("profiles.yml", "shop: {target: dev, outputs: {dev: {type: tarn, schema: gold}, "
                                  "prod: {type: tarn, schema: gold}}}\n")
    project.dbt("run", "-s", "a+", "--lake", "warehouse.lake", "--target", "prod", "--vars", "{x: 7}", "--empty", code=1)
    project.write("models/b.sql", "{{ config(materialized='table') }} select x, t from {{ ref('a') }}")
    project.dbt("retry")
    assert set(project.results()) == {"b"}, project.results()
    assert project.sql("SELECT count(*) AS c FROM gold.b") == [{"c": 0}], "--empty is forgotten"
    arguments = json.loads((project.folder / "target/run_results.json").read_text())["args"]
    assert (arguments["target"], arguments["vars"], arguments["which"]) == ("prod", {"x": 7}, "run"), arguments
    project.dbt("run", "-s", "b", "--lake", "warehouse.lake", "--target", "prod", "--vars", "{x: 7}")
    assert project.sql("SELECT x, t FROM gold.b") == [{"x": 7, "t": "prod"}]
    assert not (project.folder / "lake").exists(), "retry made a lake of its own"


def interrupted(work):
    """Ctrl-C: the running statement ends, artifacts are written, exit code 2; retry goes on."""
    project = small(work, {"models/a.sql": "{{ config(materialized='table') }} select 1 as i",
                           "models/b.sql": "{{ config(materialized='table') }} select count(*) as c from {{ ref('a') }}, "
                                           "range(3000000) x, range(3000000) y where x.id * y.id % 7 = 3",
                           "models/c.sql": "select c from {{ ref('b') }}"})
    started = subprocess.Popen([str(oracle.TARN), "dbt", "run", "--profiles-dir", ".", "--no-fsync"], cwd=project.folder,
                               stdout=subprocess.PIPE, text=True)
    for line in started.stdout:
        if "START sql table model gold.b" in line:
            break
    time.sleep(0.5)
    began = time.monotonic()
    started.send_signal(signal.SIGINT)
    rest = started.stdout.read()
    assert started.wait(timeout=60) == 2, (started.returncode, rest)
    assert time.monotonic() - began < 20 and "Exited because of keyboard interrupt" in rest, rest
    found = {name: status for name, (status, _) in project.results().items()}
    assert found == {"a": "success", "b": "error", "c": "skipped"}, found
    project.write("models/b.sql", "{{ config(materialized='table') }} select 5 as c")
    project.dbt("retry")
    assert project.sql("SELECT c FROM gold.c") == [{"c": 5}] and set(project.results()) == {"b", "c"}


def parsed_once(work):
    """Another program, or --no-partial-parse, parses again; an unchanged project is taken as it was."""
    project = small(work, {"models/a.sql": "select 1 as i", "models/b.sql": "select * from {{ ref('a') }}"})
    project.dbt("parse")
    kept = project.folder / "target/partial_parse.tarn"
    first, text = kept.stat().st_mtime_ns, json.loads((project.folder / "target/manifest.json").read_text())
    project.dbt("parse")
    again = json.loads((project.folder / "target/manifest.json").read_text())
    assert kept.stat().st_mtime_ns == first, "an unchanged project was parsed again"
    assert text["metadata"]["invocation_id"] != again["metadata"]["invocation_id"]
    assert {**text, "metadata": 0} == {**again, "metadata": 0}
    project.dbt("run")
    assert kept.stat().st_mtime_ns == first and project.sql("SELECT i FROM gold.b") == [{"i": 1}]
    other = project.folder / "other-tarn"
    shutil.copy(oracle.TARN, other)
    done = oracle.run([other, "dbt", "parse", "--profiles-dir", "."], project.folder)
    assert done.returncode == 0 and kept.stat().st_mtime_ns != first, f"another program took the parse {done.stderr}"
    second = kept.stat().st_mtime_ns
    project.dbt("parse", "--no-partial-parse")
    assert kept.stat().st_mtime_ns != second
    assert {**json.loads((project.folder / "target/manifest.json").read_text()), "metadata": 0} == {**text, "metadata": 0}


def killed(work):
    """kill -9 in mid-build, then retry: a few of `make crash-dbt`."""
    facts = kills.run(int(os.environ.get("TARN_DBT_KILLS", "6")), work)
    assert facts["kills"] > 0, facts


STRATEGY = """{{{{ config(materialized='incremental', incremental_strategy='{strategy}', {more}) }}}}
select cast(i as int) as i, day, '{{{{ var("run") }}}}' as run
from (select 1 as i, date '2026-01-01' as day union all select 2, date '2026-01-02')
{{% if is_incremental() %}}where day = date '2026-01-02'{{% endif %}}"""


def strategies(work):
    """insert_overwrite and replace_where replace what the rows of the run cover, and no more."""
    project = small(work, {
        "models/overwritten.sql": STRATEGY.format(strategy="insert_overwrite", more="partition_by=['day']"),
        "models/replaced.sql": STRATEGY.format(strategy="replace_where",
                                               more="incremental_predicates=\"day = date '2026-01-02'\"")})
    for number in (1, 2):
        project.dbt("run", "--vars", f"{{run: 'r{number}'}}")
    for table in ("overwritten", "replaced"):
        rows = project.sql(f"SELECT i, run FROM gold.{table} ORDER BY i")
        assert rows == [{"i": 1, "run": "r1"}, {"i": 2, "run": "r2"}], f"{table}: {rows}"


def microbatch(work):
    """A batch a day; a window of the command line rebuilds its days only."""
    project = small(work, {
        "models/raw.sql": "{{ config(materialized='table', event_time='at') }}\n"
                          "select timestamp '2026-01-01 05:00:00' as at, 1 as i union all\n"
                          "select timestamp '2026-01-02 05:00:00', 2 union all\n"
                          "select timestamp '2026-01-03 05:00:00', 3",
        "models/daily.sql": "{{ config(materialized='incremental', incremental_strategy='microbatch', "
                            "event_time='at', batch_size='day', begin='2026-01-01') }}\n"
                            "select *, '{{ var(\"run\") }}' as run from {{ ref('raw') }}"})
    project.dbt("run", "--vars", "{run: r1}", "--event-time-start", "2026-01-01", "--event-time-end", "2026-01-04")
    project.dbt("run", "--vars", "{run: r2}", "--event-time-start", "2026-01-02", "--event-time-end", "2026-01-03")
    rows = project.sql("SELECT i, run FROM gold.daily ORDER BY i")
    assert [list(row.values()) for row in rows] == [[1, "r1"], [2, "r2"], [3, "r1"]], rows


def operations(work):
    """--empty, source freshness, docs generate, run-operation, --defer with --state."""
    project = small(work, {
        "macros/make.sql": "{% macro make(n) %}{% do run_query('create table gold.made as select ' ~ n ~ ' as n') %}"
                           "{% endmacro %}",
        "models/a.sql": "{{ config(materialized='table') }} select n from {{ source('raw', 'made') }}",
        "models/b.sql": "select n + 1 as n from {{ ref('a') }}",
        "models/sources.yml": "sources:\n  - name: raw\n    schema: gold\n    tables:\n      - name: made\n"
                              "      - name: loaded\n        loaded_at_field: loaded_at\n"
                              "        freshness: {warn_after: {count: 1, period: day}, "
                              "error_after: {count: 3, period: day}}\n"})
    project.dbt("run-operation", "make", "--args", "{n: 5}")
    assert project.sql("SELECT n FROM gold.made") == [{"n": 5}]
    project.dbt("run", "--empty")
    assert project.sql("SELECT count(*) AS c FROM gold.a") == [{"c": 0}]
    project.dbt("run")
    assert project.sql("SELECT n FROM gold.b") == [{"n": 6}]
    project.dbt("docs", "generate")
    catalog = json.loads((project.folder / "target/catalog.json").read_text())
    assert list(catalog["nodes"]["model.shop.a"]["columns"]) == ["n"], catalog["nodes"]
    for days, status, code in ((0, "pass", 0), (2, "warn", 0), (5, "error", 1)):
        project.sql(f"CREATE OR REPLACE TABLE gold.loaded AS SELECT current_timestamp() - INTERVAL {days} DAY AS loaded_at")
        project.dbt("source", "freshness", "-s", "source:raw.loaded", code=code)
        found = json.loads((project.folder / "target/sources.json").read_text())["results"]
        assert [r["status"] for r in found] == [status], found
    shutil.copytree(project.folder / "target", project.folder / "prod")
    project.write("profiles.yml", "shop: {target: dev, outputs: {dev: {type: tarn, schema: mine, "
                                  "lake: warehouse.lake}}}\n")
    project.dbt("run", "-s", "b", "--defer", "--state", "prod")
    assert project.sql("SELECT n FROM mine.b") == [{"n": 6}]
    assert project.sql("SELECT count(*) AS c FROM information_schema.tables WHERE table_schema = 'mine' "
                       "AND table_name = 'a'", "duckdb") == [{"c": 0}]


def tokens(work):
    """--pii-key: models and hooks see pii_token(); without the key nothing is written."""
    project = small(work, {"models/a.sql": "{{ config(materialized='table') }} select pii_token('ann@example.com') as t, "
                                           "pii_token(null) as n"})
    project.write("key", "0123456789abcdef0123")
    done = project.dbt("run", code=1)
    assert "pii_token" in done.stdout, done.stdout
    project.dbt("run", "--pii-key", "k1=file:key", "--threads", "3")
    mac = hmac.new(b"0123456789abcdef0123", b"ann@example.com", "sha256").hexdigest()
    assert project.sql("SELECT t, n FROM gold.a") == [{"t": f"k1.{mac}", "n": None}], project.sql("SELECT * FROM gold.a")
    shown = project.dbt("show", "--inline", "select pii_token('ann@example.com') as t", "--pii-key", "k1=file:key")
    assert mac in shown.stdout, shown.stdout
    done = project.dbt("run", "--pii-key", "k1=file:absent", code=2)
    assert "absent" in done.stderr, done.stderr


def documented(work):
    """persist_docs goes into the commit of the rows; what is said already costs none."""
    project = small(work, {
        "models/a.sql": "{{ config(materialized='table', persist_docs={'relation': true, 'columns': true}) }}\n"
                        "select 1 as i, 2 as j",
        "models/b.sql": "{{ config(materialized='incremental', unique_key='i', "
                        "persist_docs={'relation': true, 'columns': true}) }}\nselect * from {{ ref('a') }}",
        "models/s.yml": "models:\n" + "".join(
            f"  - name: {name}\n    description: rows of {name}\n    columns:\n      - {{name: I, description: the key}}\n"
            "      - {name: gone, description: no column}\n" for name in "ab")})

    def commits(table):
        return len(project.sql(f"DESCRIBE HISTORY gold.{table}"))

    def said(table):
        return project.sql(f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{table}' "
                           "ORDER BY column_index", "duckdb")

    done = project.dbt("run")
    assert "gone" in done.stdout, "the absent column is warned of"
    words = [{"column_name": "i", "comment": "the key"}, {"column_name": "j", "comment": None}]
    assert said("a") == words and said("b") == words, (said("a"), said("b"))
    assert (commits("a"), commits("b")) == (1, 1), project.sql("DESCRIBE HISTORY gold.b")
    project.dbt("run")
    assert (commits("a"), commits("b")) == (2, 2), project.sql("DESCRIBE HISTORY gold.b")
    project.write("models/s.yml", (project.folder / "models/s.yml").read_text().replace("the key", "the id"))
    project.dbt("run", "-s", "b")
    assert said("b")[0]["comment"] == "the id" and commits("b") == 4, project.sql("DESCRIBE HISTORY gold.b")


def spark_freshness(work):
    """loaded_at_field is an expression of the project's dialect; a time without a zone is UTC's."""
    project = small(work, {"models/sources.yml":
                           "sources:\n  - name: raw\n    schema: gold\n    tables:\n      - name: loaded\n"
                           "        loaded_at_field: to_timestamp(concat(`dayof`, ' 00:00'), 'yyyy/MM/dd HH:mm')\n"
                           "        freshness: {error_after: {count: 3, period: day}, filter: \"kind <=> 'x'\"}\n"})
    project.sql("CREATE SCHEMA IF NOT EXISTS gold")
    for days, status, code in ((1, "pass", 0), (5, "error", 1)):
        project.sql("CREATE OR REPLACE TABLE gold.loaded AS SELECT date_format(current_date() - INTERVAL "
                    f"{days} DAY, 'yyyy/MM/dd') AS `dayof`, 'x' AS kind UNION ALL SELECT '2999/01/01', NULL")
        project.dbt("source", "freshness", code=code)
        found = json.loads((project.folder / "target/sources.json").read_text())["results"]
        assert [r["status"] for r in found] == [status], found


CASES = [("the reference's model and tests", reference), ("errors name place and remedy", errors),
         ("fail-fast and retry", retry), ("retry remembers the run", remembered),
         ("Ctrl-C", interrupted), ("partial parse", parsed_once), ("kill -9 and retry", killed),
         ("insert_overwrite and replace_where", strategies),
         ("microbatch", microbatch), ("--pii-key", tokens), ("empty, freshness, docs, run-operation, defer", operations),
         ("persist_docs", documented), ("freshness in the project's dialect", spark_freshness)]
