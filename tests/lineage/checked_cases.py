"""Rules for rows, audits, the plan and the docs page."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

from project import TARN, Project

TABLES = """
CREATE TABLE bronze.orders (id BIGINT, user_id BIGINT, amount DOUBLE, currency STRING, day INT) USING DELTA;
INSERT INTO bronze.orders VALUES (1, 10, 5.0, 'EUR', 1), (2, NULL, 7.0, 'EUR', 1), (3, 11, -1.0, 'USD', 1),
                                 (4, NULL, NULL, 'EUR', 1);
"""
SOURCES = "sources: [{name: app, schema: bronze, tables: [{name: orders}]}]\n"
RULES = """[
  {'name': 'amount_is_positive', 'expression': 'amount > 0'},
  {'name': 'user_is_known', 'expression': 'user_id is not null', 'action': 'quarantine'},
  {'name': 'currency_is_iso', 'expression': 'length(currency) = 3', 'action': 'fail'}]"""
ORDERS = "{{ source('app', 'orders') }}"
GOOD = "CREATE TABLE bronze.orders (id BIGINT, user_id BIGINT, amount DOUBLE, currency STRING, day INT) USING DELTA;"


def dq_project(work, config, extra="", dialect="duckdb", text=f"select * from {ORDERS}"):
    return Project(work, {"models/m.sql": "{{ config(dq=" + RULES + ", " + config + ") }}\n" + text},
                   f"tarn: {{dialect: {dialect}}}\n" + extra, tables=TABLES, sources=SOURCES)


def rows(project, table, columns):
    return [tuple(row.values()) for row in project.sql(f"SELECT {columns} FROM {table} ORDER BY 1")]


def dq_tables(work):
    for dialect in ["duckdb", "spark"]:
        project = dq_project(f"{work}/{dialect}", "materialized='table'", dialect=dialect)
        code, said = project.dbt("run")
        assert code == 0 and "1 flagged, 2 quarantined" in said, said
        assert rows(project, "silver.m", "id, dq_passed, dq_failure_reason") == [
            (1, True, None), (3, False, "amount_is_positive")]
        assert rows(project, "silver.m__quarantine", "id, dq_failure_reason") == [
            (2, "user_is_known"), (4, "amount_is_positive; user_is_known")]
        counts = project.results()[0]["adapter_response"]["dq"]
        assert (counts["rows"], counts["flagged"], counts["quarantined"]) == (4, 1, 2), counts
        assert rows(project, "system.dq_results", "rule, action, rows_judged, rows_broken") == [
            ("amount_is_positive", "flag", 4, 2), ("currency_is_iso", "fail", 4, 0), ("user_is_known", "quarantine", 4, 2)]
        edges = rows(project, "system.column_lineage", "column_name || '<' || source_column")
        assert ("dq_passed<amount",) in edges and ("dq_failure_reason<user_id",) in edges, edges
        # Mended rows leave the quarantine with the next run.
        project.sql("UPDATE bronze.orders SET user_id = 1, amount = 1 WHERE user_id IS NULL")
        project.dbt("run")
        assert rows(project, "silver.m__quarantine", "count(*)") == [(0,)]
        assert rows(project, "silver.m", "count(*)") == [(4,)]


def dq_fails(work):
    project = dq_project(work, "materialized='table'")
    project.write("models/after.sql", "select * from {{ ref('m') }}")
    assert project.dbt("run")[0] == 0
    before = project.sql("SELECT max(version) AS v FROM delta_history('silver.m')")
    project.sql("INSERT INTO bronze.orders VALUES (5, 1, 1, 'EURO', 2)")
    code, said = project.dbt("run")
    assert code == 1 and "currency_is_iso (1 of 5 rows)" in said, said
    assert project.sql("SELECT max(version) AS v FROM delta_history('silver.m')") == before
    assert rows(project, "silver.m__quarantine", "count(*)") == [(2,)]
    status = {r["unique_id"].split(".")[-1]: (r["status"], r["adapter_response"].get("dq", {}).get("rows"))
              for r in project.results()}
    assert status == {"m": ("error", 5), "after": ("skipped", None)}, status


def dq_incremental(work):
    text = f"select * from {ORDERS} {{% if is_incremental() %}} where day > (select max(day) from {{{{ this }}}}) {{% endif %}}"
    project = dq_project(work, "materialized='incremental', unique_key='id'", text=text)
    assert project.dbt("run")[0] == 0
    project.sql("INSERT INTO bronze.orders VALUES (2, 12, 7.0, 'EUR', 2), (6, NULL, 1, 'EUR', 2)")
    for _ in range(2):
        assert project.dbt("run")[0] == 0
        # 2 was mended, 4 stays, 6 is new.
        assert rows(project, "silver.m", "id, dq_passed") == [(1, True), (2, True), (3, False)]
        assert rows(project, "silver.m__quarantine", "id") == [(4,), (6,)]


def dq_views_and_wrong_rules(work):
    flags = "[{'name': 'positive', 'expression': 'amount > 0'}]"
    view = Project(f"{work}/view", {"models/m.sql": "{{ config(materialized='view', dq=" + flags + ") }} select * from " + ORDERS,
                                    "models/n.sql": "select id from {{ ref('m') }} where not dq_passed"},
                   tables=TABLES, sources=SOURCES)
    code, said = view.dbt("run")
    assert code == 0 and rows(view, "silver.n", "id") == [(3,), (4,)], said
    for number, (rule, says) in enumerate([
            ("{'name': 'a b', 'expression': 'x'}", "a name is made of letters"),
            ("{'name': 'a', 'expression': ' '}", "rule a has no expression"),
            ("{'name': 'a', 'expression': 'id > 0', 'action': 'drop'}", "there are flag, quarantine and fail"),
            ("{'name': 'a', 'expr': 'id > 0'}", "unknown key 'expr'"),
            ("{'name': 'a', 'expression': 'nobody > 0'}", "nobody")]):
        project = Project(f"{work}/{number}", {"models/m.sql": "{{ config(materialized='table', dq=[" + rule + "]) }}\nselect * from " + ORDERS},
                          tables=TABLES, sources=SOURCES)
        code, said = project.dbt("run")
        assert code == 1 and says in said, f"{rule}: {said}"


def audits(work):
    model = "{{ config(materialized='incremental', unique_key='id', audit=true) }}\nselect * from " + ORDERS
    tests = "models: [{name: m, columns: [{name: user_id, data_tests: [not_null]}, {name: id, data_tests: [unique, not_null]}]}]"
    project = Project(work, {"models/m.sql": model, "models/m.yml": tests, "models/after.sql": "select * from {{ ref('m') }}"},
                      tables=GOOD + "INSERT INTO bronze.orders VALUES (1, 10, 5, 'EUR', 1)", sources=SOURCES)
    code, said = project.dbt("build")
    assert code == 0, said
    first = rows(project, "silver.m", "id, user_id")
    history = "SELECT max(version) AS v FROM delta_history('silver.m')"
    version = project.sql(history)
    project.sql("INSERT INTO bronze.orders VALUES (2, NULL, 5, 'EUR', 2)")
    for _ in range(2):
        code, said = project.dbt("run")
        assert code == 1 and "audit failed, silver.m is what it was before" in said and "not_null_m_user_id" in said, said
        assert rows(project, "silver.m", "id, user_id") == first and project.sql(history) == version
        status = {r["unique_id"].split(".")[-1]: r["status"] for r in project.results()}
        assert status == {"m": "error", "after": "skipped"}, status
        assert all("audit" not in str(row) for row in project.sql("SHOW TABLES IN silver")), "the clone is still there"
    project.sql("UPDATE bronze.orders SET user_id = 3 WHERE id = 2")
    code, said = project.dbt("build")
    assert code == 0 and rows(project, "silver.m", "id, user_id") == first + [(2, 3)], said
    response = [r for r in project.results() if r["unique_id"] == "model.shop.m"][0]["adapter_response"]
    assert response["audit"] == {"tests": 3, "passed": True}, response
    # Rules and audit together; a table that is not there yet.
    both = "{{ config(materialized='table', audit=true, dq=" + RULES + ") }}\nselect * from " + ORDERS
    project.write("models/both.sql", both)
    project.write("models/both.yml", "models: [{name: both, columns: [{name: id, data_tests: [{accepted_values: {arguments: {values: [1]}}}]}]}]")
    code, said = project.dbt("run", "-s", "both")
    assert code == 1 and "audit failed" in said, said
    assert all(row.get("tableName", row.get("table_name")) != "both" for row in project.sql("SHOW TABLES IN silver"))


def plans(work):
    files = {"models/stage.sql": "{{ config(materialized='table') }} select id, amount, day from " + ORDERS,
             "models/inc.sql": "{{ config(materialized='incremental', unique_key='id', schema='gold') }} select id, amount from {{ ref('stage') }}",
             "models/top.sql": "{{ config(schema='gold', meta={'owner': 'finance'}) }} select sum(amount) as total from {{ ref('inc') }}",
             "models/board.yml": "exposures: [{name: board, type: dashboard, owner: {name: Ann, email: ann@x.org}, depends_on: [ref('top')]}]"}
    project = Project(work, files, tables=TABLES, sources=SOURCES)
    code, said = project.dbt("plan")
    assert code == 0 and re.search(r"create +table +silver.stage", said) and re.search(r"create +view +gold.top", said), said
    assert "reads 1 table beside its own: 4 rows" in said and "Exposures: board" in said, said
    assert "Owners: Ann <ann@x.org>, finance" in said, said
    assert project.sql("SHOW TABLES IN silver") == [], "a plan made a table"
    assert project.dbt("run")[0] == 0
    project.write("models/stage.sql", "{{ config(materialized='view') }} select id, amount, day from " + ORDERS)
    project.write("models/inc.sql", files["models/inc.sql"].replace("select id, amount", "select id, cast(amount as int) as amount, day"))
    code, said = project.dbt("plan", "-s", "stage", "inc", "--format", "json")
    plan = json.loads(said)
    changes = {c["table"]: c for c in plan["changes"]}
    assert changes["silver.stage"]["drops"] == "table" and changes["silver.stage"]["now"]["rows"] == 4, changes
    inc = changes["gold.inc"]
    assert inc["action"] == "merge" and inc["now"]["rows"] == 4 and inc["now"]["bytes"] > 0 and inc["now"]["files"] >= 1, inc
    assert inc["columns"] == {"added": ["day INTEGER"], "removed": [], "retyped": ["amount DOUBLE to INTEGER"]}, inc
    assert plan["touched"]["models"] == ["model.shop.top"], plan
    assert plan["touched"]["exposures"][0]["unique_id"] == "exposure.shop.board" and plan["inputs"]["bronze.orders"]["rows"] == 4
    code, said = project.dbt("plan", "-s", "inc", "--full-refresh")
    assert code == 0 and re.search(r"rewrite +table +gold.inc", said), said
    project.write("models/inc.sql", "select nobody from {{ ref('stage') }} {{ oops(")
    code, said = project.dbt("plan")
    assert code != 0, said


def chromium():
    for folder in [os.environ.get("TARN_CACHE", str(pathlib.Path.home() / ".cache/tarn"))]:
        for name in ["chromium", "chrome"]:
            found = sorted(pathlib.Path(folder).glob(f"**/{name}"))
            if found and os.access(found[0], os.X_OK) and found[0].is_file():
                return str(found[0])
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def docs(work):
    files = {"models/stage.sql": "{{ config(materialized='table') }} select id, amount * 2 as twice from " + ORDERS,
             "models/top.sql": "{{ config(schema='gold') }} select sum(twice) as total from {{ ref('stage') }}",
             "models/m.yml": "models: [{name: top, description: 'All <b>of</b> it', meta: {owner: finance},"
                             " columns: [{name: total, description: euros, data_tests: [not_null]}]}]"}
    project = Project(work, files, tables=TABLES, sources=SOURCES)
    code, said = project.dbt("docs", "serve", "--port", "0")
    assert code == 2 and "tarn dbt docs generate" in said, said
    assert project.dbt("build")[0] == 0 and project.dbt("docs", "generate")[0] == 0
    server = subprocess.Popen([TARN, "dbt", "docs", "serve", "--port", "0", "--project-dir", work, "--profiles-dir", work,
                               "--lake", str(project.lake)], stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        port = int(re.search(r"http://127.0.0.1:(\d+)/", line).group(1))
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        link.request("GET", "/manifest.json")
        manifest = json.loads(link.getresponse().read())
        assert manifest["nodes"]["model.shop.top"]["meta"]["tarn"]["column_lineage"]["total"]["from"][0]["column"] == "twice"
        link.request("GET", "/")
        assert b"<!doctype html>" in link.getresponse().read()
        browser = chromium()
        if browser:
            seen = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom",
                                   f"http://127.0.0.1:{port}/#model.shop.top/total"], capture_output=True, text=True, timeout=120).stdout
            for text in ["<h1>top</h1>", "owner finance", "All &lt;b&gt;of&lt;/b&gt; it", "silver.stage.twice", "bronze.orders.amount",
                         "not_null", "euros", "<svg"]:
                assert text in seen, f"the page does not show {text!r}\n{seen[-2500:]}"
        else:
            print("# no browser on this machine: the page was fetched, not drawn")
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(30) in (0, 130)


ALL = [("dq rules flag, quarantine and count, in both dialects", dq_tables),
       ("a dq rule of action fail stops before anything is written", dq_fails),
       ("an incremental model's quarantine follows its keys", dq_incremental),
       ("views are flagged; wrong rules name themselves", dq_views_and_wrong_rules),
       ("an audit publishes only what passes the tests", audits),
       ("the plan tells what would change, from the logs", plans),
       ("the docs page shows graph, columns, tests and lineage", docs)]
