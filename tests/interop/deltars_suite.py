"""Tarn and delta-rs (PyPI deltalake) on the same tables, both ways. Run with the Python of the deltalake-venv."""
import os
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from peers import canonical, run_cases, same


def deltars_rows(lake, name, columns):
    from deltalake import QueryBuilder
    result = QueryBuilder().register("t", DeltaTable(lake.table(name))).execute(f"SELECT {columns} FROM t")
    table = pa.table(result.read_all()) if hasattr(result, "read_all") else pa.table(result)
    return canonical(zip(*(column.to_pylist() for column in table.columns))) if table.num_rows else []


def compare(lake, name, columns):
    ours = lake.rows(f"SELECT {columns} FROM silver.{name}")
    same(ours, deltars_rows(lake, name, columns), name)
    return ours


def frame(start, count, who):
    return pa.table({"id": pa.array(range(start, start + count), pa.int64()), "who": pa.array([who] * count), "p": pa.array([i % 3 for i in range(start, start + count)], pa.int32())})


def tarn_writes(lake):
    lake.run("CREATE TABLE silver.t (id BIGINT, who STRING, p INT) USING DELTA PARTITIONED BY (p) TBLPROPERTIES ('delta.enableDeletionVectors'='false');"
             "INSERT INTO silver.t SELECT id, 'tarn', CAST(id % 3 AS INT) FROM range(0, 1000); DELETE FROM silver.t WHERE id % 10 = 0; UPDATE silver.t SET who = 'u' WHERE id < 50;"
             "MERGE INTO silver.t t USING (SELECT id, 'm' AS who, 1 AS p FROM range(990, 1010)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET who = s.who WHEN NOT MATCHED THEN INSERT *")
    assert len(compare(lake, "t", "id, who, p")) == 1000 - 100 + 10 + 1


def tarn_writes_deletion_vectors(lake):
    lake.run("CREATE TABLE silver.t (id BIGINT, who STRING, p INT) USING DELTA; INSERT INTO silver.t SELECT id, 'tarn', 1 FROM range(0, 3000); DELETE FROM silver.t WHERE id % 7 = 1; DELETE FROM silver.t WHERE id % 5 = 1")
    compare(lake, "t", "id, who, p")


def tarn_checkpoints(lake):
    lake.run("CREATE TABLE silver.t (id BIGINT, who STRING, p INT) USING DELTA;" + ";".join(f"INSERT INTO silver.t VALUES ({i}, 'tarn', {i})" for i in range(24)))
    assert len(compare(lake, "t", "id, who, p")) == 24


def deltars_writes(lake):
    path = lake.table("t")
    write_deltalake(path, frame(0, 500, "rs"), partition_by=["p"])
    write_deltalake(path, frame(500, 500, "rs"), mode="append")
    compare(lake, "t", "id, who, p")
    table = DeltaTable(path)
    table.delete("id % 10 = 0")
    table.update(updates={"who": "'u'"}, predicate="id < 50")
    (DeltaTable(path).merge(frame(990, 20, "m"), "t.id = s.id", source_alias="s", target_alias="t")
     .when_matched_update_all().when_not_matched_insert_all().execute())
    assert len(compare(lake, "t", "id, who, p")) == 911
    DeltaTable(path).optimize.compact()
    DeltaTable(path).create_checkpoint()
    compare(lake, "t", "id, who, p")


def both_write(lake):
    path = lake.table("t")
    write_deltalake(path, frame(0, 10, "rs"))
    for round_number in range(1, 16):
        lake.run(f"INSERT INTO silver.t VALUES ({1000 + round_number}, 'tarn', 0)")
        write_deltalake(path, frame(round_number * 10, 10, "rs"), mode="append")
    lake.run("DELETE FROM silver.t WHERE who = 'tarn' AND id % 2 = 0")
    DeltaTable(path).delete("who = 'rs' AND id % 2 = 0")
    rows = compare(lake, "t", "id, who, p")
    assert len(rows) == 80 + 8, len(rows)


def features_of_tarn(lake):
    """Features that delta-rs knows, made by Tarn: read, written there where it can, read here."""
    lake.run("CREATE TABLE silver.g (id BIGINT, who STRING, twice BIGINT GENERATED ALWAYS AS (id * 2)) USING DELTA TBLPROPERTIES ('delta.enableDeletionVectors'='false');"
             "INSERT INTO silver.g (id, who) VALUES (1, 'tarn'), (2, NULL); UPDATE silver.g SET id = 5 WHERE id = 2")
    compare(lake, "g", "id, who, twice")
    write_deltalake(lake.table("g"), pa.table({"id": pa.array([7], pa.int64()), "who": pa.array(["rs"]), "twice": pa.array([14], pa.int64())}), mode="append")
    assert len(compare(lake, "g", "id, who, twice")) == 3
    lake.run("CREATE TABLE silver.v2 (id BIGINT, who STRING, p INT) USING DELTA PARTITIONED BY (p) TBLPROPERTIES ('delta.checkpointPolicy'='v2', 'delta.checkpointInterval'='3');"
             + "; ".join(f"INSERT INTO silver.v2 VALUES ({i}, 'tarn', {i % 2})" for i in range(8)))
    compare(lake, "v2", "id, who, p")
    write_deltalake(lake.table("v2"), frame(100, 6, "rs"), mode="append")
    assert len(compare(lake, "v2", "id, who, p")) == 14
    lake.run("CREATE TABLE silver.i (id BIGINT GENERATED ALWAYS AS IDENTITY, who STRING DEFAULT 'd') USING DELTA CLUSTER BY (who) TBLPROPERTIES ('delta.enableRowTracking'='true', 'delta.enableInCommitTimestamps'='true');"
             "INSERT INTO silver.i (who) VALUES ('a'), ('b'); INSERT INTO silver.i (who) VALUES (DEFAULT); UPDATE silver.i SET who = 'B' WHERE who = 'b'")
    assert len(compare(lake, "i", "id, who")) == 3  # read; delta-rs refuses to write it


def maintenance(lake):
    lake.run("CREATE TABLE silver.t (id BIGINT, who STRING, p INT) USING DELTA PARTITIONED BY (p);"
             + ";".join(f"INSERT INTO silver.t SELECT id, 'tarn', CAST(id % 2 AS INT) FROM range({i}00, {i}00 + 100)" for i in range(5))
             + ";DELETE FROM silver.t WHERE id % 9 = 0; OPTIMIZE silver.t")
    compare(lake, "t", "id, who, p")
    lake.run("OPTIMIZE silver.t ZORDER BY (id, who)")
    compare(lake, "t", "id, who, p")
    lake.run("RESTORE TABLE silver.t TO VERSION AS OF 5; SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM silver.t RETAIN 0 HOURS")
    assert len(compare(lake, "t", "id, who, p")) == 500
    lake.run("CREATE TABLE silver.c SHALLOW CLONE silver.t")
    same(lake.rows("SELECT id, who, p FROM silver.t"), compare(lake, "c", "id, who, p"), "clone")
    path = lake.table("rs")
    for i in range(4):
        write_deltalake(path, frame(i * 100, 100, "rs"), mode="append", partition_by=["p"])
    DeltaTable(path).delete("id % 10 = 3")
    lake.run("OPTIMIZE silver.rs; SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM silver.rs RETAIN 0 HOURS")
    assert len(compare(lake, "rs", "id, who, p")) == 360


CASES = [
    ("maintenance of both", maintenance),
    ("delta-rs reads what Tarn writes, deletes, updates, merges", tarn_writes),
    ("delta-rs reads Tarn's deletion vectors", tarn_writes_deletion_vectors),
    ("delta-rs reads Tarn's checkpoints", tarn_checkpoints),
    ("Tarn reads what delta-rs writes, merges, compacts, checkpoints", deltars_writes),
    ("both write one table in turn", both_write),
    ("features made by Tarn are read, and written where delta-rs can", features_of_tarn),
]

if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(run_cases([(name, case) for name, case in CASES if wanted in name]))
