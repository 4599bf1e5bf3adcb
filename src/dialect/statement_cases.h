// What each statement becomes: the cases of statement_test.cc, which compares texts, and of
// statement_parse_test.cc, which gives every text to DuckDB's parser.
#pragma once

#include <string_view>

namespace tarn::dialect {

struct StatementCase {
  std::string_view source;
  // Statements made from it, one per line; line breaks inside a statement are blanks here.
  std::string_view expected;
};

// clang-format off
inline constexpr StatementCase kSparkCases[] = {
    {R"sql(CREATE TABLE IF NOT EXISTS silver.events (
        event_id            STRING        NOT NULL,
        user_id_hashed      STRING        NOT NULL,
        occurred_at         TIMESTAMP     NOT NULL,
        n TIMESTAMP_NTZ,
        event_date          DATE          NOT NULL,
        properties          MAP<STRING, STRING>,
        x ARRAY<STRUCT<a: INT, `b c`: MAP<STRING,ARRAY<DECIMAL(10,2)>>>> )sql"
     R"sql(COMMENT 'nested; ''x''',
        ingestion_lag_secs  BIGINT DEFAULT -1,
        d DATE GENERATED ALWAYS AS (CAST(occurred_at AS DATE)),
        is_late_arrival BOOLEAN DEFAULT false, ts TIMESTAMP DEFAULT )sql"
     R"sql(current_timestamp(),
        CONSTRAINT ok CHECK (ingestion_lag_secs >= 0 AND event_id != "x")
    )
    USING DELTA
    PARTITIONED BY (event_date, platform)
    COMMENT 'all events'
    TBLPROPERTIES (
        'delta.enableChangeDataFeed'            = 'true',
        'quality.Owner'                         = 'data_platform',
        quality.sla_minutes                   = 15
    ))sql",
     R"sql(CREATE TABLE IF NOT EXISTS silver.events (event_id VARCHAR NOT NULL, )sql"
     R"sql(user_id_hashed VARCHAR NOT NULL, occurred_at TIMESTAMP WITH TIME ZONE NOT )sql"
     R"sql(NULL, n TIMESTAMP, event_date DATE NOT NULL, properties MAP(VARCHAR, )sql"
     R"sql(VARCHAR), x STRUCT(a INTEGER, "b c" MAP(VARCHAR, DECIMAL(10,2)[]))[], )sql"
     R"sql(ingestion_lag_secs BIGINT, d DATE, is_late_arrival BOOLEAN, ts )sql"
     R"sql(TIMESTAMP WITH TIME ZONE) PARTITIONED BY )sql"
     R"sql((event_date, platform) WITH ('delta.enableChangeDataFeed' = 'true', )sql"
     R"sql('quality.Owner' = 'data_platform', 'quality.sla_minutes' = '15', )sql"
     R"sql('tarn.column.x.comment' = 'nested; ''x''', )sql"
     R"sql('tarn.column.ingestion_lag_secs.default' = '-1', 'tarn.column.d.generated' = )sql"
     R"sql('CAST(occurred_at AS DATE)', 'tarn.column.is_late_arrival.default' = 'false', )sql"
     R"sql('tarn.column.ts.default' = 'current_timestamp()', 'delta.constraints.ok' = )sql"
     R"sql('ingestion_lag_secs >= 0 AND event_id != "x"', 'tarn.comment' = 'all events', )sql"
     R"sql('tarn.property_names' = 'delta.enableChangeDataFeed quality.Owner'))sql"},
    {R"sql(OPTIMIZE silver.events
ZORDER BY (event_date, event_type, platform))sql",
     R"sql(CALL tarn_optimize('silver.events', NULL, ['event_date', 'event_type', )sql"
     R"sql('platform']))sql"},
    {R"sql(VACUUM silver.events RETAIN 168 HOURS)sql",
     R"sql(CALL tarn_vacuum('silver.events', 168, false))sql"},
    {R"sql(CREATE OR REPLACE VIEW catalog.silver_masked.users AS
    SELECT
        user_id_hashed,
        -- Mask email: show domain only
        CONCAT('****@', SPLIT(email, '@')[1]) AS email_masked,
        CONCAT('***-***-', RIGHT(phone, 4))   AS phone_masked
    FROM catalog.silver.users)sql",
     R"sql(CREATE OR REPLACE VIEW lake.silver_masked.users AS SELECT user_id_hashed, )sql"
     R"sql(CONCAT('****@', SPLIT(email, '@')[1]) AS email_masked, CONCAT('***-***-', )sql"
     R"sql(RIGHT(phone, 4)) AS phone_masked FROM lake.silver.users)sql"},
    {R"sql(WITH base AS (
    SELECT event_date, platform, COUNT(DISTINCT user_id_hashed) AS dau,
        ROUND(COUNT(*) / COUNT(DISTINCT session_id), 2)  AS )sql"
     R"sql(events_per_session,
        SUM(CASE WHEN is_late_arrival THEN 1 ELSE 0 END) AS )sql"
     R"sql(late_arrival_count,
        CURRENT_TIMESTAMP()                              AS refreshed_at
    FROM silver.events
    WHERE dq_passed = true AND event_date >= DATE_SUB(CURRENT_DATE(), 3)
    GROUP BY event_date, platform
)
SELECT * FROM base)sql",
     R"sql(WITH base AS ( SELECT event_date, platform, COUNT(DISTINCT user_id_hashed) AS )sql"
     R"sql(dau, ROUND(COUNT(*) / COUNT(DISTINCT session_id), 2) AS events_per_session, )sql"
     R"sql(SUM(CASE WHEN is_late_arrival THEN 1 ELSE 0 END) AS late_arrival_count, )sql"
     R"sql(CURRENT_TIMESTAMP() AS refreshed_at FROM silver.events WHERE dq_passed = true )sql"
     R"sql(AND event_date >= DATE_SUB(CURRENT_DATE(), 3) GROUP BY event_date, platform ) )sql"
     R"sql(SELECT * FROM base)sql"},
    {R"sql(SELECT user_name, bytes_scanned / 1e9 FROM system.query_history WHERE )sql"
     R"sql(start_time >= CURRENT_TIMESTAMP - INTERVAL 7 DAYS AND total_duration_ms > )sql"
     R"sql(300000 ORDER BY bytes_scanned DESC LIMIT 50)sql",
     R"sql(SELECT user_name, bytes_scanned / 1e9 FROM lake.system.query_history WHERE )sql"
     R"sql(start_time >= CURRENT_TIMESTAMP - to_days(7) AND total_duration_ms > 300000 )sql"
     R"sql(ORDER BY bytes_scanned DESC LIMIT 50)sql"},
    {R"sql(MERGE INTO silver.users AS t USING (SELECT * FROM bronze.u WHERE x = "a") s )sql"
     R"sql(ON t.id = s.id AND t.is_current = true
WHEN MATCHED AND t.row_hash = s.row_hash THEN UPDATE SET t.last_seen_at = )sql"
     R"sql(current_timestamp()
WHEN MATCHED AND CASE WHEN s.op = 'd' THEN true ELSE false END THEN DELETE
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED BY TARGET AND s.op <> 'd' THEN INSERT (id, t.name, x) VALUES )sql"
     R"sql((s.id, s.name, DEFAULT)
WHEN NOT MATCHED THEN INSERT *
WHEN NOT MATCHED BY SOURCE AND t.y > 1 THEN UPDATE SET t.z = 1, w = )sql"
     R"sql(coalesce(t.a, 0)
WHEN NOT MATCHED BY SOURCE THEN DELETE)sql",
     R"sql(MERGE INTO silver.users AS t USING (SELECT * FROM bronze.u WHERE x = 'a') s )sql"
     R"sql(ON (t.id = s.id AND t.is_current = true) WHEN MATCHED AND (t.row_hash = )sql"
     R"sql(s.row_hash) THEN UPDATE SET last_seen_at = current_timestamp() WHEN MATCHED )sql"
     R"sql(AND (CASE WHEN s.op = 'd' THEN true ELSE false END) THEN DELETE WHEN MATCHED )sql"
     R"sql(THEN UPDATE BY NAME WHEN NOT MATCHED AND (s.op <> 'd') THEN INSERT (id, name, )sql"
     R"sql(x) VALUES (s.id, s.name, DEFAULT) WHEN NOT MATCHED THEN INSERT BY NAME * WHEN )sql"
     R"sql(NOT MATCHED BY SOURCE AND (t.y > 1) THEN UPDATE SET z = 1, w = coalesce(t.a, )sql"
     R"sql(0) WHEN NOT MATCHED BY SOURCE THEN DELETE)sql"},
    {R"sql(MERGE INTO a USING b VERSION AS OF 3 AS bb ON a.id <=> bb.id WHEN MATCHED )sql"
     R"sql(THEN DELETE)sql",
     R"sql(MERGE INTO a USING b AS bb AT (VERSION => 3) ON (a.id IS NOT DISTINCT FROM )sql"
     R"sql(bb.id) WHEN MATCHED THEN DELETE)sql"},
    {R"sql(INSERT OVERWRITE gold.daily SELECT * FROM silver.x)sql",
     R"sql(CALL tarn_begin_overwrite('gold.daily', NULL)
INSERT INTO gold.daily SELECT * FROM silver.x)sql"},
    {R"sql(INSERT OVERWRITE TABLE gold.daily PARTITION (d = '2024-01-01', p) (a, b) )sql"
     R"sql(SELECT 1, 2)sql",
     R"sql(CALL tarn_begin_overwrite('gold.daily', 'd = ''2024-01-01''')
INSERT INTO gold.daily (a, b, d) SELECT source_rows.*, '2024-01-01' AS d FROM )sql"
     R"sql((SELECT 1, 2) AS source_rows)sql"},
    {R"sql(INSERT INTO gold.daily REPLACE WHERE event_date = '2024-01-01' AND x IN )sql"
     R"sql((SELECT 1) SELECT * FROM silver.x)sql",
     R"sql(CALL tarn_begin_overwrite('gold.daily', 'event_date = ''2024-01-01'' AND x IN )sql"
     R"sql((SELECT 1)')
INSERT INTO gold.daily SELECT * FROM silver.x)sql"},
    {R"sql(INSERT INTO TABLE t VALUES (1, 'it\'s', "say ""hi""", r'\d+', X'1F'), (2, 'a' )sql"
     R"sql('b', NULL, 10L, -9223372036854775808L))sql",
     R"sql(INSERT INTO t VALUES (1, 'it''s', 'say "hi"', '\d+', unhex('1F')), (2, 'ab', )sql"
     R"sql(NULL, CAST(10 AS BIGINT), CAST(-9223372036854775808 AS BIGINT)))sql"},
    {R"sql(INSERT INTO t VALUES 1, 2)sql",
     R"sql(INSERT INTO t VALUES (1), (2))sql"},
    {R"sql(INSERT INTO t (a, b) BY NAME SELECT 1)sql",
     R"sql(INSERT INTO t BY NAME SELECT 1)sql"},
    {R"sql(INSERT INTO t BY NAME SELECT 1 AS a)sql",
     R"sql(INSERT INTO t BY NAME SELECT 1 AS a)sql"},
    {R"sql(WITH q AS (SELECT 1 AS a) INSERT INTO t SELECT * FROM q)sql",
     R"sql(WITH q AS (SELECT 1 AS a) INSERT INTO t SELECT * FROM q)sql"},
    {R"sql(DELETE FROM silver.events WHERE d < DATE'2024-01-01')sql",
     R"sql(DELETE FROM silver.events WHERE d < DATE'2024-01-01')sql"},
    {R"sql(DELETE FROM t AS x WHERE x.a RLIKE '^\\d+$' OR x.b NOT RLIKE 'q')sql",
     R"sql(DELETE FROM t AS x WHERE x.a ~ '^\d+$' OR x.b !~ 'q')sql"},
    {R"sql(UPDATE silver.t AS x SET x.a = 1, b = x.b + 1, c = array(1,2)[0] WHERE x.c )sql"
     R"sql(DIV 2 = 1)sql",
     R"sql(UPDATE silver.t AS x SET a = 1, b = x.b + 1, c = "array"(1,2)[0] WHERE x.c // )sql"
     R"sql(2 = 1)sql"},
    {R"sql(UPDATE t SET t.a = 1)sql",
     R"sql(UPDATE t SET a = 1)sql"},
    {R"sql(ALTER TABLE silver.events ADD COLUMNS (a INT COMMENT 'x', b STRING, c.d )sql"
     R"sql(ARRAY<LONG>))sql",
     R"sql(ALTER TABLE silver.events ADD COLUMN a INTEGER
CALL tarn_set_comment('silver.events', 'a', 'x')
ALTER TABLE silver.events ADD COLUMN b VARCHAR
ALTER TABLE silver.events ADD COLUMN c.d BIGINT[])sql"},
    {R"sql(ALTER TABLE silver.events ADD COLUMN z DECIMAL)sql",
     R"sql(ALTER TABLE silver.events ADD COLUMN z DECIMAL(10,0))sql"},
    {R"sql(ALTER TABLE t RENAME COLUMN a TO `b c`)sql",
     R"sql(ALTER TABLE t RENAME COLUMN a TO "b c")sql"},
    {R"sql(ALTER TABLE t DROP COLUMN a)sql",
     R"sql(ALTER TABLE t DROP COLUMN a)sql"},
    {R"sql(ALTER TABLE t DROP COLUMNS (a, b))sql",
     R"sql(ALTER TABLE t DROP COLUMN a
ALTER TABLE t DROP COLUMN b)sql"},
    {R"sql(ALTER TABLE silver.t RENAME TO silver.u)sql",
     R"sql(ALTER TABLE silver.t RENAME TO u)sql"},
    {R"sql(ALTER TABLE t SET TBLPROPERTIES ('delta.appendOnly' = true, 'x'="y"))sql",
     R"sql(CALL tarn_set_properties('t', MAP {'delta.appendOnly': 'true', 'x': 'y'}))sql"},
    {R"sql(ALTER TABLE t UNSET TBLPROPERTIES IF EXISTS ('x', y.z))sql",
     R"sql(CALL tarn_unset_properties('t', ['x', 'y.z'], true))sql"},
    {R"sql(ALTER TABLE t ADD CONSTRAINT pos CHECK (amount > 0 AND name <> 'it''s'))sql",
     R"sql(CALL tarn_add_constraint('t', 'pos', 'amount > 0 AND name <> ''it''''s'''))sql"},
    {R"sql(ALTER TABLE t DROP CONSTRAINT IF EXISTS pos)sql",
     R"sql(CALL tarn_drop_constraint('t', 'pos', true))sql"},
    {R"sql(ALTER TABLE t ALTER COLUMN a SET DEFAULT concat("a", 'b'))sql",
     R"sql(CALL tarn_set_default('t', 'a', 'concat("a", ''b'')'))sql"},
    {R"sql(ALTER TABLE t ALTER COLUMN a DROP DEFAULT)sql",
     R"sql(CALL tarn_set_default('t', 'a', NULL))sql"},
    {R"sql(ALTER TABLE t ALTER COLUMN a SYNC IDENTITY)sql",
     R"sql(CALL tarn_sync_identity('t', 'a'))sql"},
    {R"sql(ALTER TABLE t DROP FEATURE deletionVectors TRUNCATE HISTORY)sql",
     R"sql(CALL tarn_drop_feature('t', 'deletionVectors', true))sql"},
    {R"sql(CREATE TABLE t (a BIGINT GENERATED ALWAYS AS IDENTITY, b BIGINT )sql"
     R"sql(GENERATED BY DEFAULT AS IDENTITY (START WITH -5 INCREMENT BY 2) COMMENT 'n'))sql",
     R"sql(CREATE TABLE t (a BIGINT, b BIGINT) WITH ('tarn.column.a.identity' = )sql"
     R"sql('always 1 1', 'tarn.column.b.identity' = 'default -5 2', )sql"
     R"sql('tarn.column.b.comment' = 'n'))sql"},
    {R"sql(ALTER TABLE t ALTER COLUMN a SET NOT NULL)sql",
     R"sql(ALTER TABLE t ALTER COLUMN a SET NOT NULL)sql"},
    {R"sql(ALTER TABLE t ALTER COLUMN a TYPE LONG)sql",
     R"sql(ALTER TABLE t ALTER COLUMN a TYPE BIGINT)sql"},
    {R"sql(ALTER TABLE t ALTER COLUMN a COMMENT 'hi')sql",
     R"sql(CALL tarn_set_comment('t', 'a', 'hi'))sql"},
    {R"sql(ALTER TABLE t CHANGE COLUMN a a BIGINT COMMENT 'x')sql",
     R"sql(ALTER TABLE t ALTER COLUMN a TYPE BIGINT
CALL tarn_set_comment('t', 'a', 'x'))sql"},
    {R"sql(ALTER TABLE t CLUSTER BY (a,b))sql",
     R"sql(ALTER TABLE t SET SORTED BY (a, b))sql"},
    {R"sql(ALTER TABLE t CLUSTER BY NONE)sql",
     R"sql(ALTER TABLE t RESET SORTED BY)sql"},
    {R"sql(COMMENT ON TABLE silver.t IS 'x')sql",
     R"sql(CALL tarn_set_comment('silver.t', NULL, 'x'))sql"},
    {R"sql(COMMENT ON COLUMN silver.t.c IS NULL)sql",
     R"sql(CALL tarn_set_comment('silver.t', 'c', NULL))sql"},
    {R"sql(SELECT * FROM silver.events VERSION AS OF 3 AS e JOIN x TIMESTAMP AS OF )sql"
     R"sql('2024-01-01' y ON e.a = y.a)sql",
     R"sql(SELECT * FROM silver.events AS e AT (VERSION => 3) JOIN x AS y AT (TIMESTAMP )sql"
     R"sql(=> CAST('2024-01-01' AS TIMESTAMP WITH TIME ZONE)) ON e.a = y.a)sql"},
    {R"sql(SELECT * FROM silver.events@v3, t TIMESTAMP AS OF current_timestamp() - )sql"
     R"sql(INTERVAL 1 DAY WHERE a = 1)sql",
     R"sql(SELECT * FROM silver.events AT (VERSION => 3), t AT (TIMESTAMP => )sql"
     R"sql(CAST(current_timestamp() - to_days(1) AS TIMESTAMP WITH TIME ZONE)) WHERE a = )sql"
     R"sql(1)sql"},
    {R"sql(SELECT * FROM delta.`/data/x y` VERSION AS OF 0 t1 CROSS JOIN delta.`/a/b@v2`)sql",
     R"sql(SELECT * FROM delta_scan('/data/x y', version => 0) t1 CROSS JOIN )sql"
     R"sql(delta_scan('/a/b', version => 2))sql"},
    {R"sql(SELECT * FROM parquet.`/x/*.parquet`)sql",
     R"sql(SELECT * FROM read_parquet('/x/*.parquet'))sql"},
    {R"sql(DESCRIBE HISTORY silver.events LIMIT 3)sql",
     R"sql(SELECT * FROM delta_history('silver.events') LIMIT 3)sql"},
    {R"sql(DESCRIBE HISTORY delta.`/x`)sql",
     R"sql(SELECT * FROM delta_history('/x'))sql"},
    {R"sql(DESC DETAIL silver.events)sql",
     R"sql(SELECT * FROM delta_detail('silver.events'))sql"},
    {R"sql(DESCRIBE TABLE EXTENDED silver.events)sql",
     R"sql(SELECT col_name, data_type, comment FROM (SELECT * FROM )sql"
     R"sql(tarn_describe('silver.events') UNION ALL SELECT 2000000 + unnest(range(10)), )sql"
     R"sql(unnest(['', '# Detailed Table Information', 'Name', 'Type', 'Comment', )sql"
     R"sql('Location', 'Provider', 'Created Time', 'Last Modified', 'Table )sql"
     R"sql(Properties']), unnest(['', '', 'silver.events', 'MANAGED', description, )sql"
     R"sql(location, format, CAST(createdAt AS VARCHAR), CAST(lastModified AS VARCHAR), )sql"
     R"sql('[' || array_to_string(list_transform(list_sort(map_entries(properties)), )sql"
     R"sql(lambda entry: entry.key || '=' || entry.value), ',') || ']']), '' FROM )sql"
     R"sql(delta_detail('silver.events')) AS facts WHERE data_type IS NOT NULL ORDER BY )sql"
     R"sql(place)sql"},
    {R"sql(DESCRIBE silver.events)sql",
     R"sql(SELECT col_name, data_type, comment FROM tarn_describe('silver.events') ORDER )sql"
     R"sql(BY place)sql"},
    {R"sql(DESCRIBE t c)sql",
     R"sql(SELECT unnest(['col_name', 'data_type', 'comment']) AS info_name, )sql"
     R"sql(unnest([col_name, data_type, coalesce(comment, 'NULL')]) AS info_value FROM )sql"
     R"sql(tarn_describe('t') WHERE place < 1000000 AND lower(col_name) = 'c')sql"},
    {R"sql(DESCRIBE QUERY SELECT 1)sql",
     R"sql(SELECT column_name AS col_name, tarn_spark_type(column_type) AS data_type, )sql"
     R"sql(CAST(NULL AS VARCHAR) AS comment FROM (DESCRIBE SELECT 1))sql"},
    {R"sql(DESCRIBE EXTENDED catalog.silver.x)sql",
     R"sql(SELECT col_name, data_type, comment FROM (SELECT * FROM )sql"
     R"sql(tarn_describe('silver.x') UNION ALL SELECT 2000000 + unnest(range(10)), )sql"
     R"sql(unnest(['', '# Detailed Table Information', 'Name', 'Type', 'Comment', )sql"
     R"sql('Location', 'Provider', 'Created Time', 'Last Modified', 'Table )sql"
     R"sql(Properties']), unnest(['', '', 'lake.silver.x', 'MANAGED', description, )sql"
     R"sql(location, format, CAST(createdAt AS VARCHAR), CAST(lastModified AS VARCHAR), )sql"
     R"sql('[' || array_to_string(list_transform(list_sort(map_entries(properties)), )sql"
     R"sql(lambda entry: entry.key || '=' || entry.value), ',') || ']']), '' FROM )sql"
     R"sql(delta_detail('silver.x')) AS facts WHERE data_type IS NOT NULL ORDER BY place)sql"},
    {R"sql(SHOW TABLES)sql",
     R"sql(SELECT schema_name AS namespace, name AS "tableName", temporary AS )sql"
     R"sql("isTemporary" FROM (SELECT schema_name, table_name AS name, temporary FROM )sql"
     R"sql(duckdb_tables() WHERE database_name = 'lake' AND schema_name = )sql"
     R"sql(current_schema() UNION ALL SELECT schema_name, view_name AS name, temporary )sql"
     R"sql(FROM duckdb_views() WHERE database_name = 'lake' AND schema_name = )sql"
     R"sql(current_schema()) AS found WHERE true ORDER BY ALL)sql"},
    {R"sql(SHOW TABLES IN silver LIKE 'ev*|u.s')sql",
     R"sql(SELECT schema_name AS namespace, name AS "tableName", temporary AS )sql"
     R"sql("isTemporary" FROM (SELECT schema_name, table_name AS name, temporary FROM )sql"
     R"sql(duckdb_tables() WHERE database_name = 'lake' AND lower(schema_name) = )sql"
     R"sql('silver' UNION ALL SELECT schema_name, view_name AS name, temporary FROM )sql"
     R"sql(duckdb_views() WHERE database_name = 'lake' AND lower(schema_name) = )sql"
     R"sql('silver') AS found RIGHT JOIN (SELECT CASE WHEN count(*) = 0 THEN )sql"
     R"sql(error('schema ''silver'' does not exist; SHOW SCHEMAS lists them') END AS )sql"
     R"sql(missing FROM duckdb_schemas() WHERE database_name = 'lake' AND )sql"
     R"sql(lower(schema_name) = 'silver') AS guard ON true WHERE missing IS NULL AND )sql"
     R"sql(name IS NOT NULL AND regexp_full_match(name, '(?i)ev.*|u\.s') ORDER BY ALL)sql"},
    {R"sql(SHOW SCHEMAS)sql",
     R"sql(SELECT schema_name AS namespace FROM duckdb_schemas() WHERE database_name = )sql"
     R"sql('lake' AND schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY )sql"
     R"sql(ALL)sql"},
    {R"sql(SHOW DATABASES LIKE 's*')sql",
     R"sql(SELECT schema_name AS namespace FROM duckdb_schemas() WHERE database_name = )sql"
     R"sql('lake' AND schema_name NOT IN ('information_schema', 'pg_catalog') AND )sql"
     R"sql(regexp_full_match(schema_name, '(?i)s.*') ORDER BY ALL)sql"},
    {R"sql(SHOW TBLPROPERTIES silver.t)sql",
     R"sql(SELECT key, value FROM delta_properties('silver.t') ORDER BY key)sql"},
    {R"sql(SHOW TBLPROPERTIES t ('delta.appendOnly'))sql",
     R"sql(SELECT key, value FROM delta_properties('t') WHERE key = 'delta.appendOnly' )sql"
     R"sql(ORDER BY key)sql"},
    {R"sql(SHOW TBLPROPERTIES t (a.b))sql",
     R"sql(SELECT key, value FROM delta_properties('t') WHERE key = 'a.b' ORDER BY key)sql"},
    {R"sql(SHOW COLUMNS IN t FROM silver)sql",
     R"sql(SELECT column_name AS col_name FROM (DESCRIBE silver.t))sql"},
    {R"sql(SELECT lag(v, 2) IGNORE NULLS OVER (ORDER BY t), first(v, true) OVER () FROM x)sql",
     R"sql(SELECT lag(v, 2 IGNORE NULLS) OVER (ORDER BY t), )sql"
     R"sql(first_value(v IGNORE NULLS) OVER () FROM x)sql"},
    {R"sql(SHOW CREATE TABLE silver.t)sql",
     R"sql(SELECT 'CREATE TABLE ' || 'silver.t' || ' (' || chr(10) || (SELECT )sql"
     R"sql(string_agg('  ' || col_name || ' ' || upper(data_type) || coalesce(' ' || )sql"
     R"sql(value_clause, '') || CASE WHEN "null" = )sql"
     R"sql('NO' THEN ' NOT NULL' ELSE '' END || CASE WHEN comment IS NULL THEN '' ELSE ' )sql"
     R"sql(COMMENT ' || '''' || replace(replace(comment, '\', '\\'), '''', '\''') || )sql"
     R"sql('''' END, ',' || chr(10) ORDER BY place) FROM (SELECT row_number() OVER () - )sql"
     R"sql(1 AS place, "null" FROM (DESCRIBE silver.t)) AS nulls JOIN )sql"
     R"sql(delta_columns('silver.t') AS valued USING (place) JOIN )sql"
     R"sql(tarn_describe('silver.t') AS described USING (place)) || ')' || chr(10) || )sql"
     R"sql('USING delta' || CASE WHEN array_length(partitionColumns) > 0 THEN chr(10) || )sql"
     R"sql('PARTITIONED BY (' || array_to_string(partitionColumns, ', ') || ')' ELSE '' )sql"
     R"sql(END || CASE WHEN array_length(clusteringColumns) > 0 THEN chr(10) || )sql"
     R"sql('CLUSTER BY (' || array_to_string(clusteringColumns, ', ') || ')' ELSE '' )sql"
     R"sql(END || CASE WHEN description IS NOT NULL THEN chr(10) || 'COMMENT ' || '''' )sql"
     R"sql(|| replace(replace(description, '\', '\\'), '''', '\''') || '''' ELSE '' END )sql"
     R"sql(|| coalesce((SELECT chr(10) || 'TBLPROPERTIES (' || chr(10) || string_agg('  )sql"
     R"sql(' || '''' || replace(replace(key, '\', '\\'), '''', '\''') || '''' || ' = ' )sql"
     R"sql(|| '''' || replace(replace(value, '\', '\\'), '''', '\''') || '''', ',' || )sql"
     R"sql(chr(10) ORDER BY key) || ')' FROM delta_properties('silver.t')), '') AS )sql"
     R"sql(createtab_stmt FROM delta_detail('silver.t'))sql"},
    {R"sql(SHOW PARTITIONS t)sql",
     R"sql(SELECT * FROM tarn_partitions('t'))sql"},
    {R"sql(SHOW VIEWS IN silver)sql",
     R"sql(SELECT schema_name AS namespace, name AS "viewName", temporary AS )sql"
     R"sql("isTemporary" FROM (SELECT schema_name, view_name AS name, temporary FROM )sql"
     R"sql(duckdb_views() WHERE database_name = 'lake' AND lower(schema_name) = )sql"
     R"sql('silver') AS found RIGHT JOIN (SELECT CASE WHEN count(*) = 0 THEN )sql"
     R"sql(error('schema ''silver'' does not exist; SHOW SCHEMAS lists them') END AS )sql"
     R"sql(missing FROM duckdb_schemas() WHERE database_name = 'lake' AND )sql"
     R"sql(lower(schema_name) = 'silver') AS guard ON true WHERE missing IS NULL AND )sql"
     R"sql(name IS NOT NULL ORDER BY ALL)sql"},
    {R"sql(USE silver)sql",
     R"sql(USE lake.silver)sql"},
    {R"sql(USE catalog.silver)sql",
     R"sql(USE lake.silver)sql"},
    {R"sql(USE SCHEMA `x y`)sql",
     R"sql(USE lake."x y")sql"},
    {R"sql(USE CATALOG main)sql",
     R"sql(USE lake)sql"},
    {R"sql(SET spark.sql.session.timeZone = 'UTC')sql",
     R"sql(SET TimeZone = 'UTC')sql"},
    {R"sql(SET TIME ZONE 'Europe/Berlin')sql",
     R"sql(SET TimeZone = 'Europe/Berlin')sql"},
    {R"sql(SET spark.sql.shuffle.partitions = 8)sql",
     R"sql(SELECT 'spark.sql.shuffle.partitions' AS key, '8' AS value)sql"},
    {R"sql(SET threads = 4)sql",
     R"sql(SET threads = 4)sql"},
    {R"sql(EXPLAIN SELECT 1)sql",
     R"sql(EXPLAIN SELECT 1)sql"},
    {R"sql(EXPLAIN FORMATTED INSERT OVERWRITE t SELECT 1)sql",
     R"sql(EXPLAIN INSERT INTO t SELECT 1)sql"},
    {R"sql(CREATE SCHEMA IF NOT EXISTS silver_masked COMMENT 'x')sql",
     R"sql(CREATE SCHEMA IF NOT EXISTS silver_masked)sql"},
    {R"sql(CREATE DATABASE catalog.y)sql",
     R"sql(CREATE SCHEMA lake.y)sql"},
    {R"sql(DROP SCHEMA IF EXISTS x CASCADE)sql",
     R"sql(DROP SCHEMA IF EXISTS x CASCADE)sql"},
    {R"sql(DROP TABLE IF EXISTS catalog.silver.x PURGE)sql",
     R"sql(DROP TABLE IF EXISTS lake.silver.x)sql"},
    {R"sql(DROP VIEW v)sql",
     R"sql(DROP VIEW v)sql"},
    {R"sql(CREATE OR REPLACE TABLE gold.d USING DELTA PARTITIONED BY (d) TBLPROPERTIES )sql"
     R"sql(('a'='b') AS SELECT *, 1 AS d FROM x)sql",
     R"sql(CREATE OR REPLACE TABLE gold.d PARTITIONED BY (d) WITH ('a' = 'b') AS SELECT )sql"
     R"sql(*, 1 AS d FROM x)sql"},
    {R"sql(CREATE TABLE a LIKE b)sql",
     R"sql(CREATE TABLE a AS SELECT * FROM b WITH NO DATA)sql"},
    {R"sql(CREATE TABLE p (a INT) USING delta PARTITIONED BY (b STRING))sql",
     R"sql(CREATE TABLE p (a INTEGER, b VARCHAR) PARTITIONED BY (b))sql"},
    {R"sql(CREATE TABLE c (a INT) CLUSTER BY (a))sql",
     R"sql(CREATE TABLE c (a INTEGER) SORTED BY (a))sql"},
    {R"sql(CREATE TEMPORARY VIEW v (a COMMENT 'x', b) AS SELECT 1, 2)sql",
     R"sql(CREATE TEMP VIEW v (a, b) AS SELECT 1, 2)sql"},
    {R"sql(TRUNCATE TABLE t)sql",
     R"sql(TRUNCATE TABLE t)sql"},
    {R"sql(RESTORE TABLE t TO VERSION AS OF 3)sql",
     R"sql(CALL tarn_restore('t', 3, NULL))sql"},
    {R"sql(OPTIMIZE t FULL WHERE d = 'x' ZORDER BY (a))sql",
     R"sql(CALL tarn_optimize('t', 'd = ''x''', ['a'], true, 'd = ''x'''))sql"},
    {R"sql(REORG TABLE t APPLY (PURGE))sql",
     R"sql(CALL tarn_reorg('t', NULL, NULL))sql"},
    {R"sql(VACUUM t LITE DRY RUN)sql",
     R"sql(CALL tarn_vacuum('t', NULL, true, true))sql"},
    {R"sql(CREATE OR REPLACE TABLE a.b SHALLOW CLONE t VERSION AS OF 3)sql",
     R"sql(CALL tarn_clone('a.b', 't', 3, NULL, true, false, MAP(CAST([] AS VARCHAR[]), )sql"
     R"sql(CAST([] AS VARCHAR[]))))sql"},
    {R"sql(CREATE TABLE b SHALLOW CLONE delta.`/x` TBLPROPERTIES ('k' = 'v'))sql",
     R"sql(CALL tarn_clone('b', '/x', NULL, NULL, false, false, MAP(['k'], ['v'])))sql"},
    {R"sql(CONVERT TO DELTA parquet.`/p` PARTITIONED BY (a INT, b DECIMAL(3, 1)) NO STATISTICS)sql",
     R"sql(CALL tarn_convert('/p', ['a', 'INT', 'b', 'DECIMAL(3, 1)'], false))sql"},
    {R"sql(GENERATE symlink_format_manifest FOR TABLE t)sql",
     R"sql(CALL tarn_generate_manifest('t'))sql"},
    {R"sql(FSCK REPAIR TABLE t DRY RUN)sql",
     R"sql(CALL tarn_check_table('t', false))sql"},
    {R"sql(SET spark.databricks.delta.retentionDurationCheck.enabled = false)sql",
     R"sql(SET tarn_retention_check = 'false')sql"},
    {R"sql(RESTORE t TIMESTAMP AS OF '2024-01-01')sql",
     R"sql(CALL tarn_restore('t', NULL, CAST('2024-01-01' AS TIMESTAMP WITH TIME ZONE)))sql"},
    {R"sql(SELECT * EXCEPT (a, `b c`), t.* EXCEPT(x) FROM t)sql",
     R"sql(SELECT * EXCLUDE (a, "b c"), t.* EXCLUDE(x) FROM t)sql"},
    {R"sql(SELECT a FROM b MINUS SELECT c FROM d)sql",
     R"sql(SELECT a FROM b EXCEPT SELECT c FROM d)sql"},
    {R"sql(SELECT 1 EXCEPT (SELECT 2))sql",
     R"sql(SELECT 1 EXCEPT (SELECT 2))sql"},
    {R"sql(SELECT * FROM a LEFT SEMI JOIN b ON a.x <=> b.x)sql",
     R"sql(SELECT * FROM a SEMI JOIN b ON a.x IS NOT DISTINCT FROM b.x)sql"},
    {R"sql(SELECT * FROM a LEFT ANTI JOIN b USING (x))sql",
     R"sql(SELECT * FROM a ANTI JOIN b USING (x))sql"},
    {R"sql(SELECT id, c FROM t LATERAL VIEW explode(tags) x AS c LATERAL VIEW OUTER )sql"
     R"sql(posexplode(z) AS p, q LATERAL VIEW explode(m) mm AS k, v WHERE c > 1)sql",
     R"sql(SELECT id, c FROM t CROSS JOIN LATERAL (SELECT unnest(tags) AS c) AS x LEFT )sql"
     R"sql(JOIN LATERAL (SELECT unnest(range(array_length(z))) AS p, unnest(z) AS q) AS )sql"
     R"sql(lateral_view_15 ON TRUE CROSS JOIN LATERAL (SELECT unnest(map_keys(m)) AS k, )sql"
     R"sql(unnest(map_values(m)) AS v) AS mm WHERE c > 1)sql"},
    {R"sql(SELECT * FROM VALUES (1, 'a'), (2, 'b') AS t(x, y))sql",
     R"sql(SELECT * FROM (SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS )sql"
     R"sql(inline_table(col1, col2)) AS t(x, y))sql"},
    {R"sql(SELECT * FROM VALUES 1, 2)sql",
     R"sql(SELECT * FROM (SELECT * FROM (VALUES (1), (2)) AS inline_table(col1)) AS )sql"
     R"sql(inline_table)sql"},
    {R"sql(SELECT * FROM (VALUES (1,2)) t)sql",
     R"sql(SELECT * FROM (SELECT * FROM (VALUES (1,2)) AS inline_table(col1, col2)) t)sql"},
    {R"sql(VALUES (1), (2))sql",
     R"sql(SELECT * FROM (VALUES (1), (2)) AS inline_table(col1))sql"},
    {R"sql(SELECT * FROM range(5))sql",
     R"sql(SELECT * FROM range(5) AS range(id))sql"},
    {R"sql(SELECT * FROM range(1, 5) r WHERE r.id > 2)sql",
     R"sql(SELECT * FROM range(1, 5) AS r(id) WHERE r.id > 2)sql"},
    {R"sql(SELECT CAST(x AS STRING), x::ARRAY<INT>, TRY_CAST(y AS MAP<STRING, )sql"
     R"sql(STRUCT<a:INT>>), INT(z), DATE(w), STRING(q), DECIMAL(x), CAST(a AS DECIMAL), )sql"
     R"sql(CAST(b AS TIMESTAMP), CAST(c AS TIMESTAMP_NTZ), CAST(a AS INTERVAL DAY TO )sql"
     R"sql(SECOND))sql",
     R"sql(SELECT CAST(x AS VARCHAR), x::INTEGER[], TRY_CAST(y AS MAP(VARCHAR, STRUCT(a )sql"
     R"sql(INTEGER))), CAST(z AS INTEGER), CAST(w AS DATE), CAST(q AS VARCHAR), CAST(x )sql"
     R"sql(AS DECIMAL(10,0)), CAST(a AS DECIMAL(10,0)), CAST(b AS TIMESTAMP), CAST(c AS )sql"
     R"sql(TIMESTAMP_NTZ), CAST(a AS INTERVAL))sql"},
    {R"sql(SELECT array(1,2), struct(1,2), named_struct('a',1), map('a',1), left('x',1), )sql"
     R"sql(exists(a, x -> x > 1), EXISTS (SELECT 1), any(x), position('a','b'), )sql"
     R"sql(position('b', 'abc', 2), position('a' IN 'b'), char(65), if(a,b,c), )sql"
     R"sql(isnull(x), overlay('a','b',1), extract(YEAR FROM d), trim(BOTH 'x' FROM y), x )sql"
     R"sql(IS DISTINCT FROM y FROM t)sql",
     R"sql(SELECT "array"(1,2), "struct"(1,2), named_struct('a',1), map('a',1), )sql"
     R"sql(left('x',1), "exists"(a, x -> x > 1), EXISTS (SELECT 1), "any"(x), )sql"
     R"sql(locate('a','b'), locate('b', 'abc', 2), position('a' IN 'b'), "char"(65), )sql"
     R"sql(if(a,b,c), isnull(x), "overlay"('a','b',1), extract(YEAR FROM d), trim(BOTH )sql"
     R"sql('x' FROM y), x IS DISTINCT FROM y FROM t)sql"},
    {R"sql(SELECT INTERVAL 7 DAYS, INTERVAL '1' DAY, INTERVAL -3 HOURS, INTERVAL 1 DAY 2 )sql"
     R"sql(HOURS, INTERVAL '1-2' YEAR TO MONTH, INTERVAL '-3 04:05:06.7' DAY TO SECOND, )sql"
     R"sql(interval, t.interval FROM t)sql",
     R"sql(SELECT to_days(7), to_days(1), to_hours(-3), (to_days(1) + to_hours(2)), )sql"
     R"sql((to_years(1) + to_months(2)), (-(to_days(3) + to_hours(04) + to_minutes(05) + )sql"
     R"sql(to_seconds(06.7))), interval, t."interval" FROM t)sql"},
    {R"sql(SELECT offset, end, t.end, desc, at, `select`, 2024_x, `a``b`, "str""q" FROM )sql"
     R"sql(t ORDER BY offset DESC LIMIT 10 OFFSET 5)sql",
     R"sql(SELECT "offset", "end", t."end", "desc", "at", "select", "2024_x", "a`b", )sql"
     R"sql('str"q' FROM t ORDER BY "offset" DESC LIMIT 10 OFFSET 5)sql"},
    {R"sql(SELECT CASE WHEN a THEN b ELSE end END FROM t)sql",
     R"sql(SELECT CASE WHEN a THEN b ELSE "end" END FROM t)sql"},
    {R"sql(SELECT catalog.silver.users.email FROM catalog.silver.users)sql",
     R"sql(SELECT lake.silver.users.email FROM lake.silver.users)sql"},
    {R"sql(SELECT main.a FROM x main)sql",
     R"sql(SELECT main.a FROM x main)sql"},
    {R"sql(SELECT 'a\nb', '\u00e9', '\uD83D\uDE00', 'x\0y', '100\%', 1.5BD, 1e3, 2D, )sql"
     R"sql(3.0F, 4S, 5Y, !a, a == b, a != b)sql",
     R"sql(SELECT 'a b', 'é', '😀', ('x' || chr(0) || 'y'), '100\%', 1.5, 1e3, CAST(2 )sql"
     R"sql(AS DOUBLE), CAST(3.0 AS FLOAT), CAST(4 AS SMALLINT), CAST(5 AS TINYINT), NOT )sql"
     R"sql(a, a = b, a != b)sql"},
    {R"sql(SELECT a FROM (SELECT * FROM x VERSION AS OF 1) y, (a JOIN b ON a.i = b.i))sql",
     R"sql(SELECT a FROM (SELECT * FROM x AT (VERSION => 1)) y, (a JOIN b ON a.i = b.i))sql"},
    {R"sql(SELECT /*+ BROADCAST(x) */ * FROM t /* c /* nested */ */ WHERE a = 1)sql",
     R"sql(SELECT * FROM t WHERE a = 1)sql"},
    {R"sql(SELECT * FROM a JOIN b ON a.x = b.x, c WHERE substring(a FROM 2) = 'x' AND d )sql"
     R"sql(IN (SELECT x FROM e@v1))sql",
     R"sql(SELECT * FROM a JOIN b ON a.x = b.x, c WHERE substring(a FROM 2) = 'x' AND d )sql"
     R"sql(IN (SELECT x FROM e AT (VERSION => 1)))sql"},
    {R"sql(SELECT cast(a as string) as b, date '2020-01-01', timestamp '2020-01-01 )sql"
     R"sql(00:00:00' from t where a between 1 and 2)sql",
     R"sql(SELECT cast(a as VARCHAR) as b, date '2020-01-01', timestamp '2020-01-01 )sql"
     R"sql(00:00:00' from t where a between 1 and 2)sql"},
    {R"sql(SELECT a, row_number() OVER (DISTRIBUTE BY a SORT BY b) FROM t DISTRIBUTE BY )sql"
     R"sql(a, f(b) SORT BY a DESC)sql",
     R"sql(SELECT a, row_number() OVER (PARTITION BY a ORDER BY b) FROM t ORDER BY a DESC)sql"},
    {R"sql(SELECT a FROM t CLUSTER BY a)sql",
     R"sql(SELECT a FROM t ORDER BY a)sql"},
    {R"sql(SELECT * FROM ((a@v1 JOIN b@v2 ON a.x = b.x) JOIN c@v3 ON c.x = a.x))sql",
     R"sql(SELECT * FROM ((a AT (VERSION => 1) JOIN b AT (VERSION => 2) ON a.x = b.x) )sql"
     R"sql(JOIN c AT (VERSION => 3) ON c.x = a.x))sql"},
    {R"sql(CALL tarn_x("a"))sql",
     R"sql(CALL tarn_x('a'))sql"},
    {R"sql(BEGIN)sql",
     R"sql(BEGIN)sql"},
    {R"sql(COMMIT)sql",
     R"sql(COMMIT)sql"},
};

inline constexpr StatementCase kDuckdbCases[] = {
    {R"sql(CREATE TABLE a.t (x INTEGER, "y z" VARCHAR DEFAULT 'q', c DECIMAL(10,2)[] NOT )sql"
     R"sql(NULL, d TIMESTAMP WITH TIME ZONE) USING DELTA PARTITIONED BY (x) )sql"
     R"sql(TBLPROPERTIES ('delta.appendOnly' = 'true'))sql",
     R"sql(CREATE TABLE a.t (x INTEGER, "y z" VARCHAR, c DECIMAL(10,2)[] )sql"
     R"sql(NOT NULL, d TIMESTAMP WITH TIME ZONE) PARTITIONED BY (x) WITH )sql"
     R"sql(('delta.appendOnly' = 'true', 'tarn.column.y z.default' = '''q''', )sql"
     R"sql('tarn.property_names' = 'delta.appendOnly'))sql"},
    {R"sql(CREATE TABLE plain (x INTEGER PRIMARY KEY))sql",
     R"sql(CREATE TABLE plain (x INTEGER PRIMARY KEY))sql"},
    {R"sql(CREATE OR REPLACE TABLE t USING delta AS SELECT "a b" FROM u)sql",
     R"sql(CREATE OR REPLACE TABLE t AS SELECT "a b" FROM u)sql"},
    {R"sql(CREATE TEMP TABLE x AS SELECT 1 USING SAMPLE 3)sql",
     R"sql(CREATE TEMP TABLE x AS SELECT 1 USING SAMPLE 3)sql"},
    {R"sql(SELECT E'a\nb', "q", $$x ; y$$, 'it''s' FROM "t" WHERE a ~ 'x')sql",
     R"sql(SELECT E'a\nb', "q", $$x ; y$$, 'it''s' FROM "t" WHERE a ~ 'x')sql"},
    {R"sql(SELECT * FROM silver.t VERSION AS OF 3 x WHERE "a" = 1)sql",
     R"sql(SELECT * FROM silver.t AS x AT (VERSION => 3) WHERE "a" = 1)sql"},
    {R"sql(SELECT * FROM delta.`/a/b` TIMESTAMP AS OF '2024-01-01')sql",
     R"sql(SELECT * FROM delta_scan('/a/b', "timestamp" => CAST('2024-01-01' AS )sql"
     R"sql(TIMESTAMP WITH TIME ZONE)))sql"},
    {R"sql(INSERT OVERWRITE t SELECT 1)sql",
     R"sql(CALL tarn_begin_overwrite('t', NULL)
INSERT INTO t SELECT 1)sql"},
    {R"sql(INSERT INTO t REPLACE WHERE d > '2024' SELECT 2)sql",
     R"sql(CALL tarn_begin_overwrite('t', 'd > ''2024''')
INSERT INTO t SELECT 2)sql"},
    {R"sql(INSERT INTO t VALUES (1))sql",
     R"sql(INSERT INTO t VALUES (1))sql"},
    {R"sql(DESCRIBE HISTORY silver.t)sql",
     R"sql(SELECT * FROM delta_history('silver.t'))sql"},
    {R"sql(DESCRIBE DETAIL t)sql",
     R"sql(SELECT * FROM delta_detail('t'))sql"},
    {R"sql(DESCRIBE t)sql",
     R"sql(DESCRIBE t)sql"},
    {R"sql(SHOW TBLPROPERTIES t)sql",
     R"sql(SELECT key, value FROM delta_properties('t') ORDER BY key)sql"},
    {R"sql(SHOW TABLES)sql",
     R"sql(SHOW TABLES)sql"},
    {R"sql(OPTIMIZE t ZORDER BY a, b)sql",
     R"sql(CALL tarn_optimize('t', NULL, ['a', 'b']))sql"},
    {R"sql(VACUUM t RETAIN 0 HOURS DRY RUN)sql",
     R"sql(CALL tarn_vacuum('t', 0, true))sql"},
    {R"sql(VACUUM)sql",
     R"sql(VACUUM)sql"},
    {R"sql(ALTER TABLE t SET TBLPROPERTIES ('a' = 'b'))sql",
     R"sql(CALL tarn_set_properties('t', MAP {'a': 'b'}))sql"},
    {R"sql(ALTER TABLE t ADD CONSTRAINT c CHECK ("x" > 0))sql",
     R"sql(CALL tarn_add_constraint('t', 'c', '`x` > 0'))sql"},
    {R"sql(ALTER TABLE t ADD COLUMN y INTEGER)sql",
     R"sql(ALTER TABLE t ADD COLUMN y INTEGER)sql"},
    {R"sql(INSERT INTO t VALUES (1) RETURNING *)sql",
     R"sql(INSERT INTO t VALUES (1) RETURNING *)sql"},
    {R"sql(SELECT a FROM t)sql",
     R"sql(SELECT a FROM t)sql"},
    {R"sql(CREATE TABLE system.q (a INTEGER))sql",
     R"sql(CREATE TABLE lake.system.q (a INTEGER))sql"},
    {R"sql(INSERT INTO system.q (a) SELECT a FROM system.p JOIN system.r USING (a))sql",
     R"sql(INSERT INTO lake.system.q (a) SELECT a FROM lake.system.p JOIN lake.system.r )sql"
     R"sql(USING (a))sql"},
    {R"sql(SELECT * FROM system.information_schema.tables)sql",
     R"sql(SELECT * FROM system.information_schema.tables)sql"},
};

// clang-format on

}  // namespace tarn::dialect
