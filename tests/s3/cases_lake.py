"""A lake in S3 from SQL: everything a lake on disk does; files beside it; the peers; how many requests it takes."""
import json
import os
from fault_proxy import FaultProxy
from lake import PEER_ROWS, peer, rows, sql, tarn


def statements(server):
    server.make_bucket("lake-sql")
    env, lake = server.environment(), "s3://lake-sql/a/b"
    done = sql(env, lake, """
        CREATE TABLE silver.people (id BIGINT NOT NULL, name STRING, country STRING) USING DELTA PARTITIONED BY (country)
          TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true');
        INSERT INTO silver.people VALUES (1, 'Ada', 'uk'), (2, 'Grace', 'us'), (3, 'Zoë / 100%', 'a b=c');
        UPDATE silver.people SET name = 'Grace H.' WHERE id = 2;
        MERGE INTO silver.people AS t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE;
        CREATE VIEW gold.names AS SELECT name FROM silver.people;
        CREATE SCHEMA extra; CREATE TABLE extra.t AS SELECT 1 AS a;""")
    assert done.returncode == 0, done.stderr
    want = [{"id": 2, "name": "Grace H.", "country": "us"}, {"id": 3, "name": "Zoë / 100%", "country": "a b=c"}]
    assert rows(env, lake, "SELECT * FROM silver.people ORDER BY id") == want
    assert len(rows(env, lake, "SELECT * FROM silver.people VERSION AS OF 1")) == 3
    assert rows(env, lake, "SELECT name FROM gold.names ORDER BY 1") == [{"name": row["name"]} for row in want]
    assert [row["tableName"] for row in rows(env, lake, "SHOW TABLES IN silver")] == ["people"]
    assert "extra" in [row["namespace"] for row in rows(env, lake, "SHOW SCHEMAS")]
    detail = rows(env, lake, "DESCRIBE DETAIL silver.people")[0]
    assert detail["location"] == "s3://lake-sql/a/b/silver/people", detail
    path = "s3://lake-sql/a/b/silver/people"
    assert len(rows(env, lake, f"SELECT * FROM delta.`{path}`")) == 2
    assert len(rows(env, "s3://lake-sql/elsewhere", f"SELECT * FROM delta_scan('{path}')", "--dialect", "duckdb")) == 2
    assert any("_change_data/" in key for key in server.objects("lake-sql")), "no change data"
    history = rows(env, lake, "DESCRIBE HISTORY silver.people")
    assert [row["version"] for row in history] == [3, 2, 1, 0], history
    refused = sql(env, lake, "DROP TABLE extra.t; INSERT INTO silver.people VALUES (NULL, 'x', 'y')")
    assert refused.returncode == 1 and "id" in refused.stderr
    assert server.objects("lake-sql", "a", "b", "extra", "t") == [] and len(server.objects("lake-sql", "a", "b", "extra")) == 1
    done = sql(env, lake, "DROP SCHEMA extra; DROP VIEW gold.names; DROP TABLE silver.people")
    assert done.returncode == 0, done.stderr
    assert server.objects("lake-sql") == [], server.objects("lake-sql")


def files(server):
    """COPY to S3 and reading Parquet, CSV and JSON from it, patterns, a large file in parts and back."""
    server.make_bucket("files")
    env, lake = server.environment(), "s3://files/lake"
    done = sql(env, lake, """
        COPY (SELECT range AS i, 'value ' || range AS s, random() AS r FROM range(2000000)) TO 's3://files/big/a.parquet';
        COPY (SELECT range AS i FROM range(10)) TO 's3://files/x/a.csv';
        COPY (SELECT range AS i FROM range(10)) TO 's3://files/x/a.json';
        COPY (SELECT range AS i, range % 3 AS p FROM range(30)) TO 's3://files/parts' (FORMAT parquet, PARTITION_BY (p))
        """, "--dialect", "duckdb")
    assert done.returncode == 0, done.stderr
    assert os.path.getsize(server.path("files", "big", "a.parquet")) > 20_000_000
    checks = {
        "SELECT count(*) AS n, sum(i)::BIGINT AS s FROM 's3://files/big/*.parquet'": {"n": 2000000, "s": 1999999000000},
        "SELECT sum(length(s))::BIGINT AS n FROM read_parquet('s3a://files/big/a.parquet')": {"n": 24888890},
        "SELECT sum(i)::BIGINT AS s FROM 's3://files/x/a.csv'": {"s": 45},
        "SELECT sum(i)::BIGINT AS s FROM 's3://files/x/a.json'": {"s": 45},
        "SELECT count(*) AS n, max(p) AS p FROM read_parquet('s3://files/parts/**/*.parquet', hive_partitioning = true)":
            {"n": 30, "p": 2},
    }
    for query, want in checks.items():
        got = rows(env, lake, query, "--dialect", "duckdb")[0]
        assert got == want, f"{query}: {got}"
    for query in ("SELECT * FROM 's3://files/none.parquet'", "SELECT * FROM read_parquet('s3://files/none/*.parquet')"):
        done = sql(env, lake, query, "--dialect", "duckdb")
        assert done.returncode == 1 and "s3://files/none" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def ingest(server):
    server.make_bucket("ingest")
    env, lake, folder = server.environment(), "s3://ingest/lake", os.path.join(server.folder, "incoming")
    os.makedirs(folder)
    for number in range(3):
        with open(os.path.join(folder, f"{number}.ndjson"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"id": number * 100 + i, "t": "ü"}) + "\n" for i in range(100))
            file.write("no record\n")
    for expected in (300, 300):  # a second run takes nothing
        done = tarn(env, "ingest", "files", folder, "--into", "bronze.events", "--lake", lake, "--key", "id")
        assert done.returncode == 0, done.stderr
        got = rows(env, lake, "SELECT count(*) AS n, count(DISTINCT record_key) AS d FROM bronze.events")[0]
        assert got == {"n": expected, "d": expected}, got
        assert rows(env, lake, "SELECT count(*) AS n FROM bronze.dead_letters")[0] == {"n": 3}


def peers(server):
    """delta-rs reads what Tarn wrote, writes beside it, and Tarn reads that back."""
    server.make_bucket("peers")
    env, lake, table = server.environment(), "s3://peers/lake", "s3://peers/lake/silver/t"
    done = sql(env, lake, """
        CREATE TABLE silver.t (id BIGINT, name STRING) USING DELTA TBLPROPERTIES ('delta.enableDeletionVectors' = 'false');
        INSERT INTO silver.t SELECT id, concat('row ', id) FROM range(1000); DELETE FROM silver.t WHERE id % 10 = 0""")
    assert done.returncode == 0, done.stderr
    seen = peer(env, PEER_ROWS, table)
    assert seen["version"] == 2 and sorted(row["id"] for row in seen["rows"]) == [i for i in range(1000) if i % 10], seen["version"]
    peer(env, """
import json, sys, pyarrow
from deltalake import DeltaTable, write_deltalake
write_deltalake(sys.argv[1], pyarrow.table({"id": pyarrow.array([5000, 5001], pyarrow.int64()), "name": ["p", "q"]}), mode="append")
table = DeltaTable(sys.argv[1])
table.delete("id = 1")
table.create_checkpoint()
print(json.dumps(table.version()))
""", table)
    assert rows(env, lake, "SELECT count(*) AS n, sum(id) AS s FROM silver.t")[0] == {
        "n": 901, "s": sum(i for i in range(1000) if i % 10) - 1 + 10001}
    done = sql(env, lake, "UPDATE silver.t SET name = 'both' WHERE id >= 5000")
    assert done.returncode == 0, done.stderr
    again = peer(env, PEER_ROWS, table)
    assert [row["name"] for row in again["rows"] if row["id"] >= 5000] == ["both", "both"]


# What each step may ask for; a change that asks for more must say so here. A commit is one conditional put and no list.
BUDGET = {
    "open a table of 3 files, read it": {"get": 10, "head": 3, "list": 1, "put": 0, "put_if_absent": 0},
    "read it again in the same session": {"get": 2, "head": 3, "list": 0, "put": 0, "put_if_absent": 0},
    "append to it": {"get": 6, "head": 8, "list": 0, "put": 2, "put_if_absent": 1},
    "open a table of 25 versions and a checkpoint": {"get": 13, "head": 4, "list": 1, "put": 0, "put_if_absent": 0},
}


def requests(server):
    server.make_bucket("requests")
    direct, lake = server.environment(), "s3://requests/lake"
    script = "CREATE TABLE silver.t (a INT, b STRING) USING DELTA;" + "INSERT INTO silver.t VALUES (1, 'x');" * 3
    script += "CREATE TABLE silver.long (a INT) USING DELTA;" + "INSERT INTO silver.long VALUES (1);" * 24
    done = sql(direct, lake, script)
    assert done.returncode == 0, done.stderr
    proxy = FaultProxy(server.port)
    results, counted = [], "SELECT request AS kind, requests AS n FROM tarn_request_metrics()"
    try:
        steps = list(BUDGET)
        texts = {steps[0]: ["SELECT sum(a) FROM silver.t"], steps[1]: ["SELECT sum(a) FROM silver.t"] * 2,
                 steps[2]: ["SELECT sum(a) FROM silver.t", "INSERT INTO silver.t VALUES (2, 'y')"],
                 steps[3]: ["SELECT count(b.a) FROM silver.long b"]}
        for step, script in texts.items():
            proxy.reset()
            report = f"{counted};".join([""] + [text + ";" for text in script]) + counted
            done = sql(server.environment(proxy.port), lake, report, "--format", "ndjson")
            assert done.returncode == 0, done.stderr
            seen = {kind: proxy.count(kind) for kind in ("get", "head", "list", "put", "put_if_absent")}
            totals, last = [{}], {}
            for line in done.stdout.splitlines():
                row = json.loads(line)
                if "kind" not in row:
                    totals.append({})
                else:
                    totals[-1][row["kind"]] = row["n"]
            last = totals[-1]
            told = {kind: last.get(kind, 0) for kind in seen}
            # The metrics are what the proxy saw; an INSERT prints no row, so its part follows the last query's.
            assert told == seen, f"{step}: metrics {told}, the proxy saw {seen}"
            before = _before_last(done.stdout) if len(script) > 1 else {}
            used = {kind: seen[kind] - before.get(kind, 0) for kind in seen}
            over = {kind: (used[kind], most) for kind, most in BUDGET[step].items() if used[kind] > most}
            print(f"# {step}: {used}")
            results.append((f"requests: {step}", f"asked more than it may (asked, limit): {over}" if over else None))
    finally:
        proxy.close()
    return results


def _before_last(output):
    """The counters as they stood before the last statement that was counted: the report but one."""
    reports, current = [], None
    for line in output.splitlines():
        row = json.loads(line)
        if "kind" not in row:
            current = None
            continue
        if current is None or row["kind"] in current:
            current = {}
            reports.append(current)
        current[row["kind"]] = row["n"]
    return reports[-2] if len(reports) > 1 else {}


CASES = [("SQL on a lake in S3", statements), ("files in S3 beside the lake", files),
         ("ingest into a lake in S3, twice", ingest), ("delta-rs reads, writes; Tarn reads back", peers),
         ("requests", requests)]
