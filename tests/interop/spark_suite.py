"""Tarn and delta-spark on the same tables, both ways. Run with the Python of the spark-venv."""
import glob
import os
import re
import sys
import tempfile

from pyspark.sql import SparkSession

from peers import CACHE, canonical, run_cases, same
from spark_features import CASES as FEATURE_CASES, compare
from spark_writes import CASES as WRITE_CASES

JARS = sorted(glob.glob(os.path.join(CACHE, "delta-jars-4.4.0", "libs", "delta-s*.jar")) +
              glob.glob(os.path.join(CACHE, "delta-jars-4.4.0", "libs", "unitycatalog-*.jar")))


SETTINGS = {
    "spark.jars": ",".join(JARS),
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1500m",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.warehouse.dir": tempfile.gettempdir(),
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Thousands of tiny jobs: one task each, no page for them, and code that is not worth compiling.
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def start_spark():
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[2]").appName("tarn-interop")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def table_properties(properties):
    options = ",".join(f"'{key}'='{value}'" for key, value in properties.items())
    return f"TBLPROPERTIES ({options})" if options else ""


def partitions_and_types(lake, spark):
    lake.run("""CREATE TABLE silver.t (id BIGINT, k STRING, d DATE, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, f FLOAT, x DOUBLE,
      dec DECIMAL(38,10), bin BINARY, ts TIMESTAMP, arr ARRAY<INT>, m MAP<STRING,INT>, st STRUCT<a:INT,b:STRING>)
      USING DELTA PARTITIONED BY (k, d);
      INSERT INTO silver.t VALUES
      (1,'a/b',DATE'2026-01-01',true,1,2,3,1.5,2.5,1234567890123456789012345678.0123456789,X'00ff',TIMESTAMP'2026-03-29 02:30:00.123456',array(1,NULL),map('k',1),named_struct('a',1,'b','ü')),
      (2,'50% ü=🦆',DATE'0001-01-01',false,-128,-32768,-2147483648,-0.5,1e300,-0.0000000001,X'',TIMESTAMP'1900-01-01 00:00:00',array(),map(),named_struct('a',NULL,'b',NULL)),
      (3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)""")
    columns = ("id, k, CAST(d AS STRING), b, ti, si, i, CAST(f AS STRING), CAST(x AS STRING), CAST(dec AS STRING), hex(bin), "
               "CAST(ts AS STRING), to_json(named_struct('v', arr)), to_json(named_struct('v', m)), to_json(named_struct('v', st))")
    rows = compare(lake, spark, "t", columns)
    assert len(rows) == 3
    compare(lake, spark, "t", "id", "WHERE k = 'a/b'")
    compare(lake, spark, "t", "id", "WHERE dec < 0")
    compare(lake, spark, "t", "id", "WHERE ts >= TIMESTAMP '2026-03-29 02:30:00.123456'")
    spark.sql(f"INSERT INTO delta.`{lake.table('t')}` SELECT * FROM delta.`{lake.table('t')}`")
    assert len(compare(lake, spark, "t", columns)) == 6


def deletion_vectors(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, v STRING) USING DELTA; INSERT INTO silver.t SELECT id, concat('v', id) FROM range(0, 5000);"
             "DELETE FROM silver.t WHERE id % 7 = 0; DELETE FROM silver.t WHERE id % 11 = 0")
    compare(lake, spark, "t", "count(*), sum(id)")
    path = lake.table("t")
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id % 13 = 0")
    compare(lake, spark, "t", "count(*), sum(id)")
    lake.run("UPDATE silver.t SET v = 'tarn' WHERE id % 100 = 1")
    compare(lake, spark, "t", "v, count(*)", "GROUP BY v HAVING count(*) > 1")
    spark.sql(f"UPDATE delta.`{path}` SET v = 'spark' WHERE id % 100 = 2")
    lake.run("DELETE FROM silver.t WHERE id < 2500")
    compare(lake, spark, "t", "id, v")


def merges_of_both(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, v STRING, n INT) USING DELTA; INSERT INTO silver.t SELECT id, 'base', 0 FROM range(0, 1000)")
    merge = """MERGE INTO {target} t USING (SELECT id + {shift} AS id, '{who}' AS v, {n} AS n FROM range(0, 600)) s ON t.id = s.id
      WHEN MATCHED AND s.id % 10 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v, n = t.n + s.n
      WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE AND t.id % 97 = 0 THEN UPDATE SET v = 'left'"""
    for round_number in range(3):
        lake.run(merge.format(target="silver.t", shift=500 + round_number, who="tarn", n=1))
        compare(lake, spark, "t", "id, v, n")
        spark.sql(merge.format(target=f"delta.`{lake.table('t')}`", shift=300 + round_number, who="spark", n=100))
        compare(lake, spark, "t", "id, v, n")
    history = spark.sql(f"DESCRIBE HISTORY delta.`{lake.table('t')}`").collect()
    assert [row.version for row in history] == list(range(7, -1, -1)), history
    assert sum(row.operation == "MERGE" for row in history) == 6


def change_data_feed(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, v STRING, p INT) USING DELTA PARTITIONED BY (p) TBLPROPERTIES ('delta.enableChangeDataFeed'='true');"
             "INSERT INTO silver.t VALUES (1,'a',0),(2,'b',0),(3,'c',1),(4,'d',1);"
             "UPDATE silver.t SET v = 'B' WHERE id = 2; DELETE FROM silver.t WHERE id = 3;"
             "MERGE INTO silver.t t USING (SELECT 1 AS id, 'A' AS v, 0 AS p UNION ALL SELECT 9, 'n', 1) s ON t.id = s.id "
             "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *; DELETE FROM silver.t WHERE p = 0")
    changes = (spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1)
               .load(lake.table("t")).select("id", "v", "p", "_change_type", "_commit_version").collect())
    expected = [(1, "a", 0, "insert", 1), (2, "b", 0, "insert", 1), (3, "c", 1, "insert", 1), (4, "d", 1, "insert", 1),
                (2, "b", 0, "update_preimage", 2), (2, "B", 0, "update_postimage", 2), (3, "c", 1, "delete", 3),
                (1, "a", 0, "update_preimage", 4), (1, "A", 0, "update_postimage", 4), (9, "n", 1, "insert", 4),
                (1, "A", 0, "delete", 5), (2, "B", 0, "delete", 5)]
    same(canonical(tuple(row) for row in changes), canonical(expected), "change feed")


def column_mapping(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, name STRING, p STRING) USING DELTA PARTITIONED BY (p); INSERT INTO silver.t VALUES (1,'a','x'),(2,'b','y');"
             "ALTER TABLE silver.t RENAME COLUMN name TO full_name; ALTER TABLE silver.t ADD COLUMN extra INT;"
             "INSERT INTO silver.t (id, full_name, p, extra) VALUES (3,'c','x',30); ALTER TABLE silver.t RENAME COLUMN p TO part")
    compare(lake, spark, "t", "id, full_name, part, extra")
    path = lake.table("t")
    spark.sql(f"ALTER TABLE delta.`{path}` RENAME COLUMN extra TO bonus")
    spark.sql(f"INSERT INTO delta.`{path}` (id, full_name, part, bonus) VALUES (4, 'd', 'z', 40)")
    spark.sql(f"ALTER TABLE delta.`{path}` DROP COLUMN full_name")
    compare(lake, spark, "t", "id, part, bonus")
    lake.run("DELETE FROM silver.t WHERE bonus = 30; UPDATE silver.t SET bonus = 1 WHERE part = 'y'")
    compare(lake, spark, "t", "id, part, bonus")
    compare(lake, spark, "t", "id", "WHERE part = 'z'")


def checkpoints(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, p INT) USING DELTA PARTITIONED BY (p)")
    lake.run("; ".join(f"INSERT INTO silver.t VALUES ({i}, {i % 3})" for i in range(25)))
    log = os.path.join(lake.table("t"), "_delta_log")
    checkpoints_made = [name for name in os.listdir(log) if re.match(r"\d{20}\.checkpoint\.parquet$", name)]
    assert checkpoints_made, os.listdir(log)
    newest = max(checkpoints_made)[:20]
    for name in os.listdir(log):  # only the checkpoint can give the old state back
        if re.match(r"\d{20}\.(json|crc)$", name) and name[:20] < newest:
            os.remove(os.path.join(log, name))
    compare(lake, spark, "t", "id, p")
    path = lake.table("t")
    for i in range(25, 40):
        spark.sql(f"INSERT INTO delta.`{path}` VALUES ({i}, {i % 3})")
    compare(lake, spark, "t", "id, p")
    lake.run("DELETE FROM silver.t WHERE id = 3")
    compare(lake, spark, "t", "id, p", "WHERE p = 0")


def fifty_alternating_commits(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, who STRING) USING DELTA")
    path = lake.table("t")
    for i in range(25):
        lake.run(f"INSERT INTO silver.t VALUES ({2 * i}, 'tarn')")
        spark.sql(f"INSERT INTO delta.`{path}` VALUES ({2 * i + 1}, 'spark')")
    rows = compare(lake, spark, "t", "id, who")
    assert canonical((i, "tarn" if i % 2 == 0 else "spark") for i in range(50)) == rows
    versions = [row["version"] for row in lake.run("DESCRIBE HISTORY silver.t")]
    assert sorted(versions) == list(range(51)), versions


def spark_features(lake, spark):
    """Tables with features on, written by Spark, read here."""
    def table(name, columns, properties, *statements, tail=""):
        path = lake.table(name)
        spark.sql(f"CREATE TABLE delta.`{path}` ({columns}) USING delta {tail} {table_properties(properties)}")
        for statement in statements:
            spark.sql(statement.format(t=f"delta.`{path}`"))
        assert compare(lake, spark, name, "*"), name
    insert = "INSERT INTO {t} SELECT id, CAST(id AS STRING) FROM range(0, 300)"
    table("dv", "id BIGINT, v STRING", {"delta.enableDeletionVectors": "true"}, insert, "DELETE FROM {t} WHERE id % 3 = 0", "UPDATE {t} SET v = 'u' WHERE id % 5 = 0")
    table("mapped_id", "id BIGINT, v STRING", {"delta.columnMapping.mode": "id", "delta.minReaderVersion": "2", "delta.minWriterVersion": "5"}, insert)
    table("mapped_name", "id BIGINT, v STRING", {"delta.columnMapping.mode": "name"}, insert, "ALTER TABLE {t} RENAME COLUMN v TO w", "ALTER TABLE {t} ADD COLUMN n INT")
    table("v2", "id BIGINT, v STRING", {"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2"}, *[insert] * 5)
    table("ict", "id BIGINT, v STRING", {"delta.enableInCommitTimestamps": "true"}, insert, insert)
    table("tracked", "id BIGINT, v STRING", {"delta.enableRowTracking": "true"}, insert, "UPDATE {t} SET v = 'x' WHERE id = 1")
    table("clustered", "id BIGINT, v STRING", {}, insert, tail="CLUSTER BY (id)")
    table("cdf", "id BIGINT, v STRING", {"delta.enableChangeDataFeed": "true"}, insert, "DELETE FROM {t} WHERE id < 10")
    table("widened", "id INT, v STRING", {"delta.enableTypeWidening": "true"}, "INSERT INTO {t} VALUES (1, 'a')", "ALTER TABLE {t} ALTER COLUMN id TYPE BIGINT", "INSERT INTO {t} VALUES (5000000000, 'b')")
    table("generated", "id BIGINT, v STRING GENERATED ALWAYS AS (CAST(id AS STRING))", {}, "INSERT INTO {t} (id) VALUES (1), (2)")
    table("identity", "id BIGINT GENERATED ALWAYS AS IDENTITY, v STRING", {}, "INSERT INTO {t} (v) VALUES ('a'), ('b')")
    table("defaults", "id BIGINT, v STRING DEFAULT 'd'", {"delta.feature.allowColumnDefaults": "supported"}, "INSERT INTO {t} (id) VALUES (1)")


def tarn_writes_spark_features(lake, spark):
    """What Tarn does to tables Spark made: done rightly, or refused by name with the table unchanged."""
    outcomes = {}
    for name, columns, properties, tail in [
            ("plain", "id BIGINT, v STRING", {}, ""),
            ("dv", "id BIGINT, v STRING", {"delta.enableDeletionVectors": "true"}, ""),
            ("mapped", "id BIGINT, v STRING", {"delta.columnMapping.mode": "name"}, ""),
            ("ict", "id BIGINT, v STRING", {"delta.enableInCommitTimestamps": "true"}, ""),
            ("check", "id BIGINT, v STRING", {"delta.constraints.pos": "id >= 0"}, ""),
            ("v2", "id BIGINT, v STRING", {"delta.checkpointPolicy": "v2"}, ""),
            ("tracked", "id BIGINT, v STRING", {"delta.enableRowTracking": "true"}, ""),
            ("clustered", "id BIGINT, v STRING", {}, "CLUSTER BY (id)"),
            ("generated", "id BIGINT, v STRING GENERATED ALWAYS AS (CAST(id AS STRING))", {}, ""),
            ("identity", "id BIGINT GENERATED BY DEFAULT AS IDENTITY, v STRING", {}, "")]:
        path = lake.table(name)
        spark.sql(f"CREATE TABLE delta.`{path}` ({columns}) USING delta {tail} {table_properties(properties)}")
        spark.sql(f"INSERT INTO delta.`{path}` (id) VALUES (1), (2), (3)" if name == "generated" else f"INSERT INTO delta.`{path}` VALUES (1,'1'),(2,'2'),(3,'3')")
        update = f"UPDATE silver.{name} SET id = 8, v = '8' WHERE id = 3"
        if name == "identity":  # whose column is not to be updated
            update = f"DELETE FROM silver.{name} WHERE id = 3; INSERT INTO silver.{name} VALUES (8, '8')"
        try:
            lake.run(f"INSERT INTO silver.{name} VALUES (7, '7'); DELETE FROM silver.{name} WHERE id = 2; {update}")
            same(compare(lake, spark, name, "id, v"), canonical([(1, "1"), (7, "7"), (8, "8")]), name)
            outcomes[name] = "written"
        except RuntimeError as refusal:
            assert "does not write" in str(refusal), f"{name}: {refusal}"
            same(compare(lake, spark, name, "id, v"), canonical([(1, "1"), (2, "2"), (3, "3")]), name)
            outcomes[name] = "refused"
        spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 1")
        compare(lake, spark, name, "id, v")
    print("# " + ", ".join(f"{name}: {outcome}" for name, outcome in outcomes.items()))
    assert set(outcomes.values()) == {"written"}, outcomes


def constraints_hold_for_both(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT NOT NULL, v STRING) USING DELTA; ALTER TABLE silver.t ADD CONSTRAINT pos CHECK (id > 0); INSERT INTO silver.t VALUES (1, 'a')")
    path = lake.table("t")
    for statement in (f"INSERT INTO delta.`{path}` VALUES (-1, 'x')", f"INSERT INTO delta.`{path}` VALUES (NULL, 'x')"):
        try:
            spark.sql(statement)
        except Exception:
            continue
        raise AssertionError(f"Spark accepted {statement}")
    spark.sql(f"ALTER TABLE delta.`{path}` ADD CONSTRAINT short CHECK (length(v) < 5)")
    try:
        lake.run("INSERT INTO silver.t VALUES (2, 'far too long')")
        raise AssertionError("Tarn accepted a row that breaks a constraint made by Spark")
    except RuntimeError as refusal:
        assert "short" in str(refusal), refusal
    assert len(compare(lake, spark, "t", "id, v")) == 1


def maintenance_by_tarn(lake, spark):
    """Each maintenance statement, then Spark reads the table and goes on with it."""
    lake.run("CREATE TABLE silver.t (id BIGINT, v STRING, d DATE) USING DELTA PARTITIONED BY (d) TBLPROPERTIES ('delta.enableChangeDataFeed'='true');"
             + ";".join(f"INSERT INTO silver.t SELECT id, concat('v', id), date_add(DATE'2026-01-01', CAST(id % 2 AS INT)) FROM range({i}00, {i}00 + 100)" for i in range(5))
             + ";DELETE FROM silver.t WHERE id % 9 = 0")
    path, columns = lake.table("t"), "id, v, CAST(d AS STRING)"
    lake.run("OPTIMIZE silver.t")
    compare(lake, spark, "t", columns)
    lake.run("DELETE FROM silver.t WHERE id % 10 = 1; REORG TABLE silver.t APPLY (PURGE)")
    compare(lake, spark, "t", columns)
    lake.run("OPTIMIZE silver.t ZORDER BY (id, v)")
    compare(lake, spark, "t", columns, "WHERE id BETWEEN 100 AND 110")
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 200")
    compare(lake, spark, "t", columns)
    lake.run("RESTORE TABLE silver.t TO VERSION AS OF 5")
    assert len(compare(lake, spark, "t", columns)) == 500
    ours = lake.rows("SELECT id, v, _change_type, _commit_version FROM table_changes('silver.t', 0)")
    theirs = canonical(tuple(row) for row in spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0)
                       .load(path).select("id", "v", "_change_type", "_commit_version").collect())
    same(ours, theirs, "change feed")
    lake.run("SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM silver.t RETAIN 0 HOURS")
    assert len(compare(lake, spark, "t", columns)) == 500
    names = {row["operation"] for row in spark.sql(f"DESCRIBE HISTORY delta.`{path}`").collect()}
    assert {"OPTIMIZE", "REORG", "RESTORE", "VACUUM START", "VACUUM END"} <= names, names


def clones_and_conversions(lake, spark):
    lake.run("CREATE TABLE silver.t (id BIGINT, v STRING) USING DELTA; INSERT INTO silver.t SELECT id, concat('v', id) FROM range(0, 3000);"
             "DELETE FROM silver.t WHERE id % 7 = 0; CREATE TABLE silver.c SHALLOW CLONE silver.t; INSERT INTO silver.c VALUES (9000, 'own')")
    compare(lake, spark, "c", "id, v")
    spark.sql(f"DELETE FROM delta.`{lake.table('c')}` WHERE id % 11 = 0")
    compare(lake, spark, "c", "id, v")
    compare(lake, spark, "t", "id, v")
    folder = lake.table("files")
    spark.sql("SELECT id, concat('s', id) AS s, CAST(id / 4 AS DECIMAL(12,2)) AS n, timestamp_seconds(id * 86400) AS ts, id % 3 AS p FROM range(200)").write.partitionBy("p").parquet(folder)
    lake.run(f"CONVERT TO DELTA parquet.`{folder}` PARTITIONED BY (p BIGINT)")
    for where in ("", "WHERE id = 77", "WHERE n > 40", "WHERE ts < TIMESTAMP'1970-01-05 00:00:00'", "WHERE s = 's9'"):
        compare(lake, spark, "files", "id, s, CAST(n AS STRING), CAST(ts AS STRING), p", where)
    spark.sql(f"INSERT INTO delta.`{folder}` VALUES (1000, 'x', 1, current_timestamp(), 9)")
    assert len(compare(lake, spark, "files", "id, s, p")) == 201


def maintenance_of_sparks_tables(lake, spark):
    for name, columns, properties, tail in [
            ("plain", "id BIGINT, v STRING, p INT", {}, "PARTITIONED BY (p)"),
            ("dv", "id BIGINT, v STRING, p INT", {"delta.enableDeletionVectors": "true"}, ""),
            ("mapped", "id BIGINT, v STRING, p INT", {"delta.columnMapping.mode": "name", "delta.enableDeletionVectors": "true"}, "PARTITIONED BY (p)"),
            ("clustered", "id BIGINT, v STRING, p INT", {}, "CLUSTER BY (id, p)")]:
        path = lake.table(name)
        spark.sql(f"CREATE TABLE delta.`{path}` ({columns}) USING delta {tail} {table_properties(properties)}")
        for i in range(4):
            spark.sql(f"INSERT INTO delta.`{path}` SELECT id, concat('v', id), CAST(id % 2 AS INT) FROM range({i * 100}, {i * 100 + 100})")
        spark.sql(f"DELETE FROM delta.`{path}` WHERE id % 10 = 3")
        before = compare(lake, spark, name, "id, v, p")
        lake.run(f"OPTIMIZE silver.{name}")
        same(compare(lake, spark, name, "id, v, p"), before, name)
        lake.run(f"SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM silver.{name} RETAIN 0 HOURS")
        same(compare(lake, spark, name, "id, v, p"), before, name)
        spark.sql(f"INSERT INTO delta.`{path}` VALUES (-1, 'after', 0)")
        spark.sql(f"OPTIMIZE delta.`{path}`")
        compare(lake, spark, name, "id, v, p")


CASES = [
    ("Tarn writes partitions and all types, Spark reads and appends", partitions_and_types),
    ("deletion vectors of both on one table", deletion_vectors),
    ("MERGE of both on one table, history", merges_of_both),
    ("Spark reads the change feed Tarn writes", change_data_feed),
    ("column mapping: rename, add, drop by both", column_mapping),
    ("checkpoints: old commits removed, both go on", checkpoints),
    ("50 commits in turn lose nothing", fifty_alternating_commits),
    ("tables of Spark's features read here", spark_features),
    ("Tarn writes to Spark's tables or refuses by name", tarn_writes_spark_features),
    ("constraints of one hold for the other", constraints_hold_for_both),
    ("maintenance by Tarn: OPTIMIZE, REORG, ZORDER, RESTORE, VACUUM, change feed", maintenance_by_tarn),
    ("maintenance by Tarn: shallow clones, CONVERT of Spark's Parquet", clones_and_conversions),
    ("maintenance of tables that Spark wrote", maintenance_of_sparks_tables),
] + FEATURE_CASES + WRITE_CASES

if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    session = start_spark()
    code = run_cases([(name, case) for name, case in CASES if any(part in name for part in wanted.split("|"))], session)
    session.stop()
    sys.exit(code)
