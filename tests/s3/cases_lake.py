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


def maintenance(server):
    """OPTIMIZE, ZORDER, VACUUM, shallow clones (which VACUUM spares), RESTORE; a checkpoint is written and read."""
    server.make_bucket("maintenance")
    env, lake = server.environment(), "s3://maintenance/lake"
    vacuum = "SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM silver.m RETAIN 0 HOURS;"
    done = sql(env, lake, "CREATE TABLE silver.m (a INT, b STRING) USING DELTA;"
               + "".join(f"INSERT INTO silver.m VALUES ({i}, 'row {i}');" for i in range(12)) + "DELETE FROM silver.m WHERE a = 2;"
               "CREATE TABLE gold.c SHALLOW CLONE silver.m; INSERT INTO gold.c VALUES (99, 'mine'); OPTIMIZE silver.m;" + vacuum)
    assert done.returncode == 0, done.stderr
    kept = len([key for key in server.objects("maintenance", "lake", "silver", "m") if key.endswith(".snappy.parquet")])
    assert kept == 12, f"{kept} files: the clone's eleven and the one that OPTIMIZE made"
    assert rows(env, lake, "SELECT count(*) AS n, sum(a) AS s FROM silver.m") == [{"n": 11, "s": 64}]
    assert rows(env, lake, "SELECT count(*) AS n, sum(a) AS s FROM gold.c") == [{"n": 12, "s": 163}]
    done = sql(env, lake, "RESTORE TABLE gold.c TO VERSION AS OF 0; OPTIMIZE silver.m ZORDER BY (a);" + vacuum)
    assert done.returncode == 0, done.stderr
    assert rows(env, lake, "SELECT count(*) AS n, sum(a) AS s FROM silver.m") == [{"n": 11, "s": 64}]
    assert rows(env, lake, "SELECT count(*) AS n, sum(a) AS s FROM gold.c") == [{"n": 11, "s": 64}]


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
print(json.dumps(table.version()), flush=True)
""", table)
    assert rows(env, lake, "SELECT count(*) AS n, sum(id) AS s FROM silver.t")[0] == {
        "n": 901, "s": sum(i for i in range(1000) if i % 10) - 1 + 10001}
    done = sql(env, lake, "UPDATE silver.t SET name = 'both' WHERE id >= 5000")
    assert done.returncode == 0, done.stderr
    again = peer(env, PEER_ROWS, table)
    assert [row["name"] for row in again["rows"] if row["id"] >= 5000] == ["both", "both"]


KINDS = ("get", "head", "list", "put", "put_if_absent")
# What each step may ask for; a change that asks for more must say so here. A commit is one conditional put (of the
# version; the other one is its checksum) and no list. One list of the lake's root belongs to each statement with a
# function: DuckDB looks for it in the lake's schemas first.
BUDGET = {
    "open a table of 3 files, read it": {"get": 8, "head": 1, "list": 2, "put": 0, "put_if_absent": 0},
    "read it again in the same session": {"get": 1, "head": 2, "list": 1, "put": 0, "put_if_absent": 0},
    "append to it in the same session": {"get": 3, "head": 5, "list": 0, "put": 1, "put_if_absent": 2},
    "open a table of 25 versions and a checkpoint": {"get": 9, "head": 2, "list": 2, "put": 0, "put_if_absent": 0},
}


def requests(server):
    server.make_bucket("requests")
    lake = "s3://requests/lake"
    script = "CREATE TABLE silver.t (a INT, b STRING) USING DELTA;" + "INSERT INTO silver.t VALUES (1, 'x');" * 3
    script += "CREATE TABLE silver.long (a INT) USING DELTA;" + "INSERT INTO silver.long VALUES (1);" * 24
    done = sql(server.environment(), lake, script)
    assert done.returncode == 0, done.stderr
    proxy = FaultProxy(server.port)

    def used(*statements):
        proxy.reset()
        done = sql(server.environment(proxy.port), lake, ";".join(statements), "--format", "ndjson")
        assert done.returncode == 0, done.stderr
        return {kind: proxy.count(kind) for kind in KINDS}, done.stdout

    def more(before, after):
        return {kind: after[kind] - before[kind] for kind in KINDS}

    try:
        read, insert = "SELECT sum(a) FROM silver.t", "INSERT INTO silver.t VALUES (2, 'y')"
        opened = used(read)[0]
        again = more(opened, used(read, read)[0])
        appended = more(opened, used(read, insert)[0])
        commits = [seen for seen in proxy.seen if seen.kind == "put_if_absent" and seen.key.endswith(".json")]
        deep = used("SELECT count(b.a) FROM silver.long b WHERE b.a > 0")[0]
        results = [] if len(commits) == 1 else [("a commit is one conditional put", f"{len(commits)} puts")]
        for (step, most), asked in zip(BUDGET.items(), (opened, again, appended, deep)):
            over = {kind: (asked[kind], most[kind]) for kind in KINDS if asked[kind] > most[kind]}
            print(f"# {step}: {asked}")
            results.append((f"requests: {step}", f"asked more than it may (asked, limit): {over}" if over else None))
        seen, printed = used(read, insert, "SELECT request, requests FROM tarn_request_metrics()")
        told = {row["request"]: row["requests"] for row in map(json.loads, printed.splitlines()) if "request" in row}
        told = {kind: told.get(kind, 0) for kind in KINDS}
        results.append(("tarn_request_metrics() tells what the proxy saw", None if told == seen else f"{told} {seen}"))
        return results
    finally:
        proxy.close()


CASES = [("SQL on a lake in S3", statements), ("files in S3 beside the lake", files),
         ("maintenance of tables in S3", maintenance),
         ("ingest into a lake in S3, twice", ingest), ("delta-rs reads, writes; Tarn reads back", peers),
         ("requests", requests)]
