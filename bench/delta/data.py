#!/usr/bin/env python3
"""data.py STEP ROOT ROWS: one step of making the data. Deterministic; each step in the environment that has its library."""
import datetime
import json
import os
import shutil
import sys
import time

import workloads

DAY = 86_400_000_000
DAYS = 30
START = "epoch_us(TIMESTAMP '2026-10-01')"


def events(low, high, step=1):
    """Rows [low, high): random ids, 30 days, a JSON payload of about 100 bytes."""
    return f"""SELECT
      substr(h,1,8)||'-'||substr(h,9,4)||'-'||substr(h,13,4)||'-'||substr(h,17,4)||'-'||substr(h,21,12) AS event_id,
      (hash(i, 1) % 1000000)::BIGINT AS user_id,
      ['view','click','scroll','cart','purchase','login','logout','search'][1 + (hash(i, 2) % 8)::INT] AS event_type,
      ['ios','android','web'][1 + (hash(i, 3) % 3)::INT] AS platform,
      ['US','DE','FR','GB','IN','BR','JP','CN','CA','MX','ES','IT','NL','SE','PL','TR'][1 + (hash(i, 4) % 16)::INT] AS country,
      make_timestamptz({START} + ((hash(i, 5) % ({DAYS}::BIGINT * {DAY // 1000})::UBIGINT) * 1000)::BIGINT) AS ts,
      ((hash(i, 6) % 100000000) / 10000.0)::DECIMAL(18,4) AS amount,
      '{{"path":"/p/'||(hash(i, 7) % 50000)||'","ref":"'||substr(md5((hash(i, 8) % 2000)::VARCHAR), 1, 12)
        ||'","s":"'||substr(md5(i::VARCHAR||'p'), 1, 20)||'","v":'||(hash(i, 9) % 97)||'}}' AS payload,
      (DATE '2026-10-01' + ((hash(i, 5) % ({DAYS}::BIGINT * {DAY // 1000})::UBIGINT) // {DAY // 1000})::INT) AS date
    FROM (SELECT i, md5(i::VARCHAR) AS h FROM range({low}, {high}, {step}) t(i))"""


def connect():
    import duckdb
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    return connection


def make_events(place, rows):
    connection = connect()
    shutil.rmtree(place.source, ignore_errors=True)
    os.makedirs(place.source)
    parts = max(1, rows // 2_500_000)
    for part in range(parts):
        low, high = part * rows // parts, (part + 1) * rows // parts
        connection.execute(f"COPY ({events(low, high)}) TO '{place.source}/part-{part:03d}.parquet' "
                           "(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 250000)")
    connection.execute(f"CREATE VIEW source AS FROM read_parquet('{place.source}/*.parquet')")
    raised = "event_id, user_id, event_type, platform, country, ts, amount + 1 AS amount, payload, date"
    connection.execute(f"COPY (SELECT {raised} FROM source WHERE hash(event_id) % 100 = 0 UNION ALL "
                       f"{events(rows + 1, rows + 1 + rows // 200)}) TO '{place.spread}' (FORMAT parquet)")
    late = f"DATE '{workloads.NARROW_FROM}'"
    connection.execute(f"COPY (SELECT {raised} FROM source WHERE date >= {late} AND hash(event_id) % 100 BETWEEN 1 AND 15 "
                       f"UNION ALL SELECT * FROM ({events(rows * 2, rows * 2 + rows // 10)}) WHERE date >= {late}) "
                       f"TO '{place.narrow}' (FORMAT parquet)")
    connection.execute(f"COPY (FROM source LIMIT {workloads.ROWS_PER_COMMIT}) TO '{place.hundred}' (FORMAT parquet)")
    one = connection.execute(f"SELECT min(event_id) FROM source WHERE date = DATE '{workloads.FILTER_DATE}'").fetchone()[0]
    with open(place.root + "/one_id.txt", "w") as file:
        file.write(one)


# ---- logs without data files -----------------------------------------------------------------------

FIELDS = [("event_id", "string"), ("user_id", "long"), ("event_type", "string"), ("platform", "string"),
          ("country", "string"), ("ts", "timestamp"), ("amount", "decimal(18,4)"), ("payload", "string"),
          ("date", "date")]
PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}


def metadata(partitioned):
    schema = {"type": "struct", "fields": [{"name": name, "type": kind, "nullable": True, "metadata": {}}
                                           for name, kind in FIELDS]}
    return {"id": "5f3a2b10-0000-4000-8000-000000000001", "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps(schema), "partitionColumns": ["date"] if partitioned else [],
            "configuration": {}, "createdTime": 1_790_000_000_000}


# As SQL over a number i: the partition, the path and the statistics of file i.
LOG_DAY = "strftime(DATE '2025-10-01' + (i % 365)::INT, '%Y-%m-%d')"
LOG_PATH = (f"'date=' || {LOG_DAY} || printf('/part-%05d-%08x-1111-4222-8333-%012x-c000.snappy.parquet', i % 1000, i, "
            "i * 7919)")
LOG_STATS = f"""'{{"numRecords":' || (10000 + i % 777) || ',"minValues":{{"event_id":"' || printf('%08x-0000-4000-8000-%012x', (i * 2654435761) % 4294967296, i)
  || '","user_id":' || (i % 1000) || ',"event_type":"add_to_cart","platform":"android","country":"BR","ts":"' || {LOG_DAY}
  || 'T00:00:00.' || lpad((i % 1000)::VARCHAR, 3, '0') || 'Z","amount":0.01,"payload":"{{\\"path\\":\\"/p/0\\",\\"ref\\":\\"'
  || substr(md5((i % 4096)::VARCHAR), 1, 6) || '"}},"maxValues":{{"event_id":"' || printf('%08x-ffff-4fff-8fff-%012x', (i * 2654435761 + 999999999) % 4294967296, i)
  || '","user_id":' || (999000 + (i * 7) % 1000) || ',"event_type":"view","platform":"web","country":"US","ts":"' || {LOG_DAY}
  || 'T23:59:59.' || lpad((i % 1000)::VARCHAR, 3, '0') || 'Z","amount":9999.9912,"payload":"{{\\"path\\":\\"/p/9\\",\\"ref\\":\\"'
  || substr(md5((i % 4095)::VARCHAR), 1, 6) || '"}},"nullCount":{{"event_id":0,"user_id":0,"event_type":0,"platform":0,"country":0,"ts":0,"amount":0,"payload":0}}}}'"""
STRINGS = "MAP(VARCHAR, VARCHAR)"


def fresh_log(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path + "/_delta_log")
    return path + "/_delta_log/"


def put_commit(log, version, actions):
    with open(f"{log}{version:020d}.json", "w") as file:
        file.write("".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions))


def info(version):
    return {"commitInfo": {"timestamp": 1_790_000_000_000 + version * 1000, "operation": "WRITE",
                           "operationParameters": {"mode": "Append"}, "isBlindAppend": True}}


def make_log_of_commits(place, commits):
    log = fresh_log(place.log("log10k"))
    rows = connect().execute(f"SELECT {LOG_PATH}, {LOG_DAY}, {LOG_STATS} FROM range({commits}) t(i) ORDER BY i").fetchall()
    for version, (path, day, stats) in enumerate(rows):
        first = [{"protocol": PROTOCOL}, {"metaData": metadata(True)}] if version == 0 else []
        add = {"path": path, "partitionValues": {"date": day}, "size": 1_000_000 + version,
               "modificationTime": 1_790_000_000_000 + version * 1000, "dataChange": True, "stats": stats}
        put_commit(log, version, [info(version), *first, {"add": add}])


def make_checkpoint_rows(place, files):
    """The rows of a checkpoint of `files` files."""
    meta = metadata(True)
    quoted = meta["schemaString"].replace("'", "''")
    protocol_type = ('STRUCT("minReaderVersion" INT, "minWriterVersion" INT, "readerFeatures" VARCHAR[], '
                     '"writerFeatures" VARCHAR[])')
    meta_type = (f'STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options {STRINGS}), '
                 f'"schemaString" VARCHAR, "partitionColumns" VARCHAR[], configuration {STRINGS}, "createdTime" BIGINT)')
    add_type = (f'STRUCT(path VARCHAR, "partitionValues" {STRINGS}, size BIGINT, "modificationTime" BIGINT, '
                f'"dataChange" BOOLEAN, stats VARCHAR, tags {STRINGS})')
    remove_type = (f'STRUCT(path VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN, "extendedFileMetadata" BOOLEAN, '
                   f'"partitionValues" {STRINGS}, size BIGINT, tags {STRINGS})')
    empty = "MAP([]::VARCHAR[], []::VARCHAR[])"
    txn = "NULL::STRUCT(\"appId\" VARCHAR, version BIGINT, \"lastUpdated\" BIGINT) AS txn"
    connection = connect()
    connection.execute("SET preserve_insertion_order = true")
    connection.execute(f"""COPY (
      SELECT {txn}, NULL::{add_type} AS add, NULL::{remove_type} AS remove,
        CASE WHEN k = 1 THEN row('{meta["id"]}', NULL, NULL, row('parquet', {empty}), '{quoted}', ['date'], {empty},
          {meta["createdTime"]})::{meta_type} END AS "metaData",
        CASE WHEN k = 0 THEN row(1, 2, NULL, NULL)::{protocol_type} END AS protocol
      FROM range(2) t(k)
      UNION ALL SELECT NULL, row({LOG_PATH}, MAP(['date'], [{LOG_DAY}]), 1000000 + i, 1790000000000 + i, false,
          {LOG_STATS}, NULL)::{add_type}, NULL, NULL, NULL FROM range({files}) t(i)
      ) TO '{place.root}/checkpoint.parquet' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 100000)""")


def make_log_of_checkpoint(place, files):
    """Written by the Arrow library, whose row groups and pages are those of most writers."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet
    log, version = fresh_log(place.log("cp1m")), 10
    for earlier in range(version + 1):
        first = [{"protocol": PROTOCOL}, {"metaData": metadata(True)}] if earlier == 0 else []
        put_commit(log, earlier, [info(earlier), *first])
    name, rows = f"{log}{version:020d}.checkpoint.parquet", parquet.ParquetFile(place.root + "/checkpoint.parquet")
    with parquet.ParquetWriter(name, rows.schema_arrow, compression="snappy") as writer:
        for batch in rows.iter_batches(100_000):
            writer.write_table(arrow.Table.from_batches([batch]))
    os.remove(place.root + "/checkpoint.parquet")
    with open(log + "_last_checkpoint", "w") as file:
        json.dump({"version": version, "size": files + 2, "sizeInBytes": os.path.getsize(name),
                   "numOfAddFiles": files}, file)


# ---- tables of delta-rs ----------------------------------------------------------------------------

def batches(place, size):
    import pyarrow.dataset as dataset
    return iter(dataset.dataset(place.source_files()).to_batches(batch_size=size))


def make_base(place, rows):
    import deltalake
    import pyarrow as arrow
    import pyarrow.dataset as dataset
    shutil.rmtree(place.base, ignore_errors=True)
    source = dataset.dataset(place.source_files())
    reader = arrow.RecordBatchReader.from_batches(source.schema, source.to_batches(batch_size=65536))
    deltalake.write_deltalake(place.base, reader, partition_by=["date"])


def make_small(place):
    import pyarrow as arrow
    import pyarrow.parquet as parquet
    log, now, files = fresh_log(place.small), int(time.time() * 1000), []
    rows = batches(place, 1000)
    for number in range(1000):
        name = f"part-{number:05d}.parquet"
        batch = next(rows)  # shorter at the end of a row group
        parquet.write_table(arrow.Table.from_batches([batch]), f"{place.small}/{name}")
        files.append({"add": {"path": name, "partitionValues": {}, "size": os.path.getsize(f"{place.small}/{name}"),
                              "modificationTime": now, "dataChange": True,
                              "stats": json.dumps({"numRecords": batch.num_rows})}})
    put_commit(log, 0, [{"protocol": PROTOCOL}, {"metaData": metadata(False)}, *files])


def make_stale(place):
    import pyarrow as arrow
    import pyarrow.parquet as parquet
    log, old, adds, removes = fresh_log(place.stale), int(time.time() * 1000) - 30 * DAY // 1000, [], []
    five = arrow.Table.from_batches([next(batches(place, 5))])
    for number in range(5001):
        name = f"part-{number:05d}.parquet"
        parquet.write_table(five, f"{place.stale}/{name}")
        os.utime(f"{place.stale}/{name}", (old / 1000, old / 1000))
        size = os.path.getsize(f"{place.stale}/{name}")
        adds.append({"add": {"path": name, "partitionValues": {}, "size": size, "modificationTime": old,
                             "dataChange": True, "stats": json.dumps({"numRecords": 5})}})
        removes.append({"remove": {"path": name, "deletionTimestamp": old, "dataChange": True,
                                   "extendedFileMetadata": True, "partitionValues": {}, "size": size}})
    put_commit(log, 0, [{"protocol": PROTOCOL}, {"metaData": metadata(False)}, *adds])
    put_commit(log, 1, removes[1:])


def make_changes(place):
    import deltalake
    import pyarrow as arrow
    shutil.rmtree(place.changes, ignore_errors=True)
    rows = batches(place, 4000)
    some = lambda: arrow.Table.from_batches([next(rows)])
    deltalake.write_deltalake(place.changes, some(), configuration={"delta.enableChangeDataFeed": "true"})
    for number in range(50):
        table = deltalake.DeltaTable(place.changes)
        deltalake.write_deltalake(table, some(), mode="append")
        deltalake.DeltaTable(place.changes).update(updates={"amount": "amount + 1"},
                                                   predicate=f"user_id % 200 = {number}")


def make_tpch(place):
    import duckdb_engines
    connection = duckdb_engines.connect(["tpch"])
    connection.execute("CALL dbgen(sf = 1)")
    shutil.rmtree(place.tpch, ignore_errors=True)
    for table in workloads.TPCH_TABLES:
        os.makedirs(f"{place.tpch}/{table}")
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        parts = 2 if count > 100_000 else 1
        for part in range(parts):
            connection.execute(f"COPY (FROM {table} LIMIT {-(-count // parts)} OFFSET {part * -(-count // parts)}) "
                               f"TO '{place.tpch}/{table}/part-{part}.parquet' (FORMAT parquet)")
    queries = connection.execute("SELECT query FROM tpch_queries() ORDER BY query_nr").fetchall()
    with open(place.root + "/tpch_queries.sql", "w") as file:
        file.write("\n".join(query for query, in queries))


def make_tpch_logs(place):
    import deltalake
    for table in workloads.TPCH_TABLES:
        deltalake.convert_to_deltalake(f"{place.tpch}/{table}")


STEPS = {  # step: (environment, what it does); in this order
    "events": ("limit", lambda place, rows: make_events(place, rows)),
    "base": ("deltars", lambda place, rows: make_base(place, rows)),
    "small": ("deltars", lambda place, rows: make_small(place)),
    "stale": ("deltars", lambda place, rows: make_stale(place)),
    "changes": ("deltars", lambda place, rows: make_changes(place)),
    "log10k": ("limit", lambda place, rows: make_log_of_commits(place, 10_000)),
    "cp1m_rows": ("limit", lambda place, rows: make_checkpoint_rows(place, 1_000_000)),
    "cp1m": ("deltars", lambda place, rows: make_log_of_checkpoint(place, 1_000_000)),
    "tpch": ("duckdelta", lambda place, rows: make_tpch(place)),
    "tpch_logs": ("deltars", lambda place, rows: make_tpch_logs(place)),
}

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
    STEPS[sys.argv[1]][1](workloads.Place(sys.argv[2]), int(sys.argv[3]))
