"""One table per write feature: Tarn makes and fills it, Spark reads it and runs INSERT, UPDATE, DELETE and MERGE on
it, then Tarn does the same, then Spark checks the state against Tarn's checksum. Part of spark_suite.py."""
import datetime
import glob
import json
import os

from pyspark.sql.types import LongType, StringType, StructField, StructType

from peers import canonical, same
from spark_features import compare, features_of, refused, spark_rows

SCRIPT = """INSERT INTO {t} ({names}) SELECT id, concat('{who} ', id), CAST(id % 10 AS INT){values} FROM range({low}, {low} + 100);
UPDATE {t} SET v = concat('{who} was ', v) WHERE n = 3;
DELETE FROM {t} WHERE n = 7 AND id % 4 = 3;
MERGE INTO {t} t USING (SELECT id{values} FROM range({low} + 90, {low} + 110)) s ON t.id = s.id
  WHEN MATCHED AND t.n = 9 THEN DELETE WHEN MATCHED THEN UPDATE SET v = '{who} merged', n = t.n + 100
  WHEN NOT MATCHED THEN INSERT ({names}) VALUES (s.id, '{who} new', 1{sources})"""


def script(table, who, low, extra=()):
    """The four statements, on a table (id, v, n) with further columns [(name, expression of id)]."""
    return SCRIPT.format(t=table, who=who, low=low, names=", ".join(["id", "v", "n"] + [name for name, _ in extra]),
                         values="".join(f", {value} AS {name}" for name, value in extra),
                         sources="".join(f", s.{name}" for name, _ in extra))


def run_in_spark(spark, statements):
    for statement in statements.split(";\n"):
        spark.sql(statement)


def changed_by_spark(lake, spark, low=1000, extra=(), columns="*"):
    run_in_spark(spark, script(f"delta.`{lake.table('t')}`", "spark", low, extra))
    return compare(lake, spark, "t", columns)


def changed_by_both(lake, spark, features=(), extra=(), columns="*"):
    """Both in turn; the rows at the end. The table was made and filled by Tarn."""
    path = lake.table("t")
    assert set(features) <= features_of(spark, path), features_of(spark, path)
    assert compare(lake, spark, "t", columns)
    changed_by_spark(lake, spark, 1000, extra, columns)
    lake.run(script("silver.t", "tarn", 2000, extra))
    rows = compare(lake, spark, "t", columns)
    assert len({row[0] for row in rows}) == len(rows) > 200, "ids are unique"
    valid_per_spark(spark, path)
    return rows


def valid_per_spark(spark, path):
    """Spark computes the newest version's state from the log and holds it against the .crc that was written with it."""
    jvm = spark.sparkContext._jvm
    jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    snapshot = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path).unsafeVolatileSnapshot()
    newest = max(name for name in os.listdir(os.path.join(path, "_delta_log")) if name.endswith(".json") and len(name) == 25)
    assert snapshot.version() == int(newest[:20])
    assert snapshot.checksumOpt().isDefined(), f"no .crc for version {snapshot.version()}"
    assert snapshot.validateChecksum(jvm.PythonUtils.toScalaMap(jvm.java.util.HashMap()))


def make(lake, properties="", tail="", extra_columns="", extra=(), more=""):
    options = f"TBLPROPERTIES ({properties})" if properties else ""
    lake.run(f"CREATE TABLE silver.t (id BIGINT, v STRING, n INT{extra_columns}) USING DELTA {tail} {options}; {more}"
             + script("silver.t", "first", 0, extra))


def plain(lake, spark):
    make(lake, "'delta.enableDeletionVectors'='false', 'delta.dataSkippingNumIndexedCols'='2'", "PARTITIONED BY (n)")
    changed_by_both(lake, spark)


def vectors(lake, spark):
    make(lake, "'delta.enableDeletionVectors'='true'")
    changed_by_both(lake, spark, ["deletionVectors"])
    assert glob.glob(os.path.join(lake.table("t"), "deletion_vector_*.bin"))


def change_feed(lake, spark):
    make(lake, "'delta.enableChangeDataFeed'='true'", "PARTITIONED BY (n)")
    changed_by_both(lake, spark)
    ours = lake.rows("SELECT id, v, n, _change_type, _commit_version FROM table_changes('silver.t', 0)")
    theirs = canonical(tuple(row) for row in spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0)
                       .load(lake.table("t")).select("id", "v", "n", "_change_type", "_commit_version").collect())
    same(ours, theirs, "change feed of both")
    assert {row[3] for row in ours} == {"insert", "delete", "update_preimage", "update_postimage"}


def checks(lake, spark):
    make(lake, more="ALTER TABLE silver.t ADD CONSTRAINT small CHECK (n < 300 OR v IS NULL);")
    changed_by_both(lake, spark)
    refused(lambda: spark.sql(f"UPDATE delta.`{lake.table('t')}` SET n = 301 WHERE id = 1"), "small")
    refused(lambda: lake.run("UPDATE silver.t SET n = 301 WHERE id = 1"), "small")


def invariants(lake, spark):
    """The oldest kind of condition, kept with a column; no SQL statement makes one. NOT NULL is one as well."""
    path = lake.table("t")
    schema = StructType([StructField("id", LongType(), True, {"delta.invariants": json.dumps({"expression": {"expression": "id > -5"}})}),
                         StructField("v", StringType(), True)])
    spark.createDataFrame([(1, "a")], schema).write.format("delta").save(path)
    lake.run("INSERT INTO silver.t VALUES (2, 'b'), (3, 'c'); ALTER TABLE silver.t ADD COLUMN n INT; UPDATE silver.t SET n = 5 WHERE id = 2")
    refused(lambda: lake.run("INSERT INTO silver.t VALUES (-9, 'x', 1)"), "id")
    refused(lambda: lake.run("UPDATE silver.t SET id = -9 WHERE id = 1"), "id")
    refused(lambda: spark.sql(f"INSERT INTO delta.`{path}` VALUES (-9, 'x', 1)"), "id > -5")
    changed_by_both(lake, spark)


def append_only(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, v STRING) USING DELTA TBLPROPERTIES ('delta.appendOnly'='true'); INSERT INTO silver.t VALUES (1, 'a')")
    path = lake.table("t")
    spark.sql(f"INSERT INTO delta.`{path}` VALUES (2, 'b')")
    for statement in ("DELETE FROM {t} WHERE id = 1", "UPDATE {t} SET v = 'x'", "INSERT OVERWRITE {t} VALUES (3, 'c')"):
        refused(lambda: spark.sql(statement.format(t=f"delta.`{path}`")))
        refused(lambda: lake.run(statement.format(t="silver.t")), "append")
    lake.run("INSERT INTO silver.t VALUES (3, 'c')")
    assert len(compare(lake, spark, "t", "id, v")) == 3
    valid_per_spark(spark, path)


def mapped_by_id(lake, spark):
    make(lake, "'delta.columnMapping.mode'='id'", "PARTITIONED BY (n)", more="ALTER TABLE silver.t RENAME COLUMN v TO w; ALTER TABLE silver.t RENAME COLUMN w TO v;")
    changed_by_both(lake, spark)
    lake.run("ALTER TABLE silver.t RENAME COLUMN n TO part; ALTER TABLE silver.t DROP COLUMN v; ALTER TABLE silver.t ADD COLUMN v INT")
    spark.sql(f"INSERT INTO delta.`{lake.table('t')}` (id, part, v) VALUES (-1, 1, 2)")
    compare(lake, spark, "t", "id, part, v")
    compare(lake, spark, "t", "id", "WHERE part = 1")


def in_commit_timestamps(lake, spark):
    make(lake, "'delta.enableInCommitTimestamps'='true'")
    changed_by_both(lake, spark, ["inCommitTimestamp"])
    parse = datetime.datetime.fromisoformat
    ours = canonical((row["version"], parse(row["timestamp"]).replace(tzinfo=None)) for row in lake.run("DESCRIBE HISTORY silver.t"))
    theirs = canonical((row["version"], row["timestamp"]) for row in spark.sql(f"DESCRIBE HISTORY delta.`{lake.table('t')}`").collect())
    same(ours, theirs, "times of commits")
    assert len({row[1] for row in ours}) == len(ours), "no two commits at one time"


def domains(lake, spark):
    """Domains of both stay through what both write."""
    make(lake, "'delta.enableRowTracking'='true'", "CLUSTER BY (id, v)")
    rows = changed_by_both(lake, spark, ["domainMetadata", "clustering", "rowTracking"])
    path = lake.table("t")
    for checkpointed in (False, True):
        if checkpointed:
            lake.run("ALTER TABLE silver.t SET TBLPROPERTIES ('delta.checkpointInterval'='1'); INSERT INTO silver.t VALUES (-1, 'x', 1)")
        assert list(spark.sql(f"DESCRIBE DETAIL delta.`{path}`").collect()[0]["clusteringColumns"]) == ["id", "v"]
        tracked = spark_rows(spark, f"SELECT _metadata.row_id, id FROM delta.`{path}`")
        assert len({row[0] for row in tracked}) == len(rows) + checkpointed
        same(lake.rows("SELECT row_id, id FROM silver.t"), tracked, "row ids")


def compacted_logs(lake, spark):
    make(lake, "'tarn.logCompactionInterval'='3', 'delta.checkpointInterval'='100'")
    changed_by_both(lake, spark)
    assert glob.glob(os.path.join(lake.table("t"), "_delta_log", "*.compacted.json"))


def widened(lake, spark):
    lake.run("CREATE TABLE silver.t (id INT, v STRING, n SMALLINT, d DATE, f FLOAT) USING DELTA TBLPROPERTIES ('delta.enableTypeWidening'='true');"
             "INSERT INTO silver.t VALUES (1, 'old', 3, DATE'2026-01-01', 0.5), (2, 'old', NULL, NULL, NULL);"
             "ALTER TABLE silver.t ALTER COLUMN id TYPE BIGINT; ALTER TABLE silver.t ALTER COLUMN n TYPE INT; ALTER TABLE silver.t ALTER COLUMN d TYPE TIMESTAMP_NTZ;"
             "ALTER TABLE silver.t ALTER COLUMN f TYPE DOUBLE")
    extra = [("d", "TIMESTAMP_NTZ'2026-05-06 07:08:09.123456'"), ("f", "id / 4D")]
    changed_by_both(lake, spark, ["typeWidening"], extra, "id, v, n, CAST(d AS STRING), CAST(f AS STRING)")


def widened_inside(lake, spark):
    lake.run("CREATE TABLE silver.t (id INT, s STRUCT<a: INT, b: ARRAY<SMALLINT>>, m MAP<INT, ARRAY<FLOAT>>) USING DELTA TBLPROPERTIES ('delta.enableTypeWidening'='true');"
             "INSERT INTO silver.t VALUES (1, named_struct('a', 1, 'b', array(2, NULL)), map(3, array(0.5))), (2, NULL, NULL);"
             "ALTER TABLE silver.t ALTER COLUMN s TYPE STRUCT<a: BIGINT, b: ARRAY<INT>>; ALTER TABLE silver.t ALTER COLUMN m TYPE MAP<BIGINT, ARRAY<DOUBLE>>;"
             "INSERT INTO silver.t VALUES (3, named_struct('a', 5000000000, 'b', array(70000)), map(6000000000, array(1e300)))")
    path = lake.table("t")
    columns = "id, s.a, CAST(s.b[0] AS BIGINT), CAST(m[3][0] AS STRING), CAST(m[6000000000][0] AS STRING)"
    assert len(compare(lake, spark, "t", columns)) == 3
    assert [(field.name, field.dataType.simpleString()) for field in spark.read.format("delta").load(path).schema][1:] == [
        ("s", "struct<a:bigint,b:array<int>>"), ("m", "map<bigint,array<double>>")]
    spark.sql(f"UPDATE delta.`{path}` SET s = named_struct('a', s.a + 1, 'b', s.b) WHERE id = 1")
    lake.run("UPDATE silver.t SET id = id + 10")
    spark.sql(f"OPTIMIZE delta.`{path}`")
    assert len(compare(lake, spark, "t", columns, "WHERE s.a > 0")) == 2


def v2_checkpoints(lake, spark):
    make(lake, "'delta.checkpointPolicy'='v2', 'delta.checkpointInterval'='2'", "PARTITIONED BY (n)")
    changed_by_both(lake, spark, ["v2Checkpoint"])
    assert glob.glob(os.path.join(lake.table("t"), "_delta_log", "_sidecars", "*.parquet"))


def local_times(lake, spark):
    """TIMESTAMP_NTZ as a column and as a partition column, beside TIMESTAMP."""
    extra = [("local", "TIMESTAMP_NTZ'2026-03-29 02:30:00.123456'"), ("day", "TIMESTAMP_NTZ'2026-03-29 02:30:00'"), ("ts", "TIMESTAMP'1969-12-31 23:59:59.999999'")]
    make(lake, tail="PARTITIONED BY (day)", extra_columns=", local TIMESTAMP_NTZ, day TIMESTAMP_NTZ, ts TIMESTAMP", extra=extra)
    columns = "id, v, n, CAST(local AS STRING), CAST(day AS STRING), CAST(ts AS STRING)"
    changed_by_both(lake, spark, ["timestampNtz"], extra, columns)
    assert compare(lake, spark, "t", "id", "WHERE local = TIMESTAMP_NTZ'2026-03-29 02:30:00.123456' AND day > TIMESTAMP_NTZ'2026-01-01 00:00:00'")
    assert not compare(lake, spark, "t", "id", "WHERE local > TIMESTAMP_NTZ'2026-03-29 02:30:00.123456'")


def vacuumed(lake, spark):
    """Files that both leave behind go, by the VACUUM of either; vacuumProtocolCheck is on."""
    make(lake, "'delta.feature.vacuumProtocolCheck'='supported'", "PARTITIONED BY (n)")
    before = changed_by_both(lake, spark, ["vacuumProtocolCheck"])
    path = lake.table("t")
    count = lambda: len(glob.glob(os.path.join(path, "**", "*.parquet"), recursive=True))
    lake.run("OPTIMIZE silver.t")
    most = count()
    lake.run("SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM silver.t RETAIN 0 HOURS")
    assert count() < most
    same(compare(lake, spark, "t"), before, "after Tarn's VACUUM")
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.sql(f"OPTIMIZE delta.`{path}`")
    spark.sql(f"VACUUM delta.`{path}` RETAIN 0 HOURS")
    same(compare(lake, spark, "t"), before, "after Spark's VACUUM")


CASES = [
    ("changed by both: partitions without deletion vectors", plain),
    ("changed by both: deletion vectors", vectors),
    ("changed by both: change data feed", change_feed),
    ("changed by both: CHECK constraints", checks),
    ("changed by both: invariants", invariants),
    ("changed by both: append-only", append_only),
    ("changed by both: column mapping by id", mapped_by_id),
    ("changed by both: in-commit timestamps", in_commit_timestamps),
    ("changed by both: metadata domains, clustering, row tracking", domains),
    ("changed by both: log compaction", compacted_logs),
    ("changed by both: type widening", widened),
    ("changed by both: types inside structs, arrays and maps", widened_inside),
    ("changed by both: V2 checkpoints with sidecars", v2_checkpoints),
    ("changed by both: timestamps without zone", local_times),
    ("changed by both: VACUUM", vacuumed),
]
