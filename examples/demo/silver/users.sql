-- bronze.users (change records in the Debezium envelope) -> silver.user_changes -> silver.users (SCD type 2).
-- Spark dialect. Needs pii_token(). Running it again changes nothing.
--
-- A delete has its key in `before`; changes are ordered by the position in the source's log (lsn), because
-- times tie; the history is derived from all changes, so a change that comes late lands where it belongs.

CREATE TABLE IF NOT EXISTS silver.user_changes (
    user_id_hashed     STRING     NOT NULL,
    lsn                BIGINT     NOT NULL,
    op                 STRING     NOT NULL,
    changed_at         TIMESTAMP  NOT NULL,
    email              STRING,
    phone              STRING,
    full_name_hashed   STRING,
    country            STRING,
    city               STRING,
    subscription_tier  STRING,
    segment            STRING,
    signup_date        DATE,
    row_hash           STRING     NOT NULL,
    dq_passed          BOOLEAN    NOT NULL,
    dq_failure_reason  STRING,
    pipeline_version   STRING
)
USING DELTA
TBLPROPERTIES ('quality.owner' = 'data_platform', 'quality.sla_minutes' = '15');

CREATE TABLE IF NOT EXISTS silver.users_quarantine (
    checksum          STRING  NOT NULL,
    source_topic      STRING  NOT NULL,
    source_offset     BIGINT  NOT NULL,
    ingestion_date    DATE    NOT NULL,
    reason            STRING  NOT NULL,
    pipeline_version  STRING
)
USING DELTA;

CREATE TABLE IF NOT EXISTS silver.users (
    user_id_hashed     STRING     NOT NULL,
    email              STRING,
    phone              STRING,
    full_name_hashed   STRING,
    country            STRING,
    city               STRING,
    subscription_tier  STRING,
    segment            STRING,
    signup_date        DATE,
    row_hash           STRING     NOT NULL,
    valid_from         TIMESTAMP  NOT NULL,
    valid_to           TIMESTAMP,
    is_current         BOOLEAN    NOT NULL,
    last_seen_at       TIMESTAMP  NOT NULL,
    is_deleted         BOOLEAN    NOT NULL,
    deleted_at         TIMESTAMP,
    dq_passed          BOOLEAN    NOT NULL,
    dq_failure_reason  STRING,
    pipeline_version   STRING
)
USING DELTA
TBLPROPERTIES (
    'delta.enableChangeDataFeed' = 'true',
    'quality.owner' = 'data_platform',
    'quality.sla_minutes' = '15'
);

CREATE OR REPLACE TEMPORARY VIEW users_read AS
SELECT
    c.op,
    c.source.lsn                                       AS lsn,
    timestamp_millis(c.ts_ms)                          AS changed_at,
    coalesce(c.after.user_id, c.before.user_id)        AS user_id,
    c.after                                            AS state,
    CASE
        WHEN c.op IS NULL OR c.op NOT IN ('c', 'u', 'd', 'r')             THEN 'op is none of c, u, d, r'
        WHEN coalesce(c.after.user_id, c.before.user_id, '') = ''
             OR (c.op <> 'd' AND coalesce(c.after.user_id, '') = '')      THEN 'user_id is missing'
        WHEN c.ts_ms IS NULL OR c.source.lsn IS NULL                      THEN 'ts_ms or lsn is missing'
    END AS quarantine_reason,
    checksum,
    source_topic,
    source_offset,
    ingestion_date,
    pipeline_version
FROM (
    SELECT
        from_json(CAST(raw_payload AS STRING),
                  'op STRING, ts_ms BIGINT, source STRUCT<lsn: BIGINT>, before STRUCT<user_id: STRING>,
                   after STRUCT<user_id: STRING, full_name: STRING, email: STRING, phone: STRING,
                                country: STRING, city: STRING, subscription_tier: STRING,
                                segment: STRING, signup_date: STRING>') AS c,
        checksum, source_topic, source_offset, ingestion_date, pipeline_version
    FROM bronze.users
);

MERGE INTO silver.users_quarantine AS t
USING (
    SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
    FROM users_read
    WHERE quarantine_reason IS NOT NULL
) AS s
ON t.checksum = s.checksum AND t.source_topic = s.source_topic AND t.source_offset = s.source_offset
WHEN NOT MATCHED THEN INSERT *;

-- The address keeps its domain and the number its last four digits: what the masked view shows.
MERGE INTO silver.user_changes AS t
USING (
    SELECT
        *,
        sha2(concat_ws('|', CASE WHEN op = 'd' THEN 'deleted' ELSE 'living' END, email, phone,
                       full_name_hashed, country, city, subscription_tier, segment), 256) AS row_hash,
        dq_failure_reason IS NULL                           AS dq_passed
    FROM (
        SELECT
            pii_token(user_id)                              AS user_id_hashed,
            lsn,
            op,
            changed_at,
            concat(pii_token(state.email), '@', split(state.email, '@')[1])   AS email,
            concat(pii_token(state.phone), '-', right(state.phone, 4))        AS phone,
            pii_token(state.full_name)                      AS full_name_hashed,
            state.country                                   AS country,
            state.city                                      AS city,
            state.subscription_tier                         AS subscription_tier,
            state.segment                                   AS segment,
            TRY_CAST(state.signup_date AS DATE)             AS signup_date,
            CASE WHEN op <> 'd' AND state.subscription_tier NOT IN ('free', 'basic', 'premium', 'enterprise')
                 THEN 'subscription_tier is not in the contract' END AS dq_failure_reason,
            pipeline_version,
            row_number() OVER (PARTITION BY user_id, lsn ORDER BY source_topic, source_offset) AS copy
        FROM users_read
        WHERE quarantine_reason IS NULL
    )
    WHERE copy = 1
) AS s
ON t.user_id_hashed = s.user_id_hashed AND t.lsn = s.lsn
WHEN NOT MATCHED THEN INSERT
    (user_id_hashed, lsn, op, changed_at, email, phone, full_name_hashed, country, city, subscription_tier,
     segment, signup_date, row_hash, dq_passed, dq_failure_reason, pipeline_version)
VALUES
    (s.user_id_hashed, s.lsn, s.op, s.changed_at, s.email, s.phone, s.full_name_hashed, s.country, s.city,
     s.subscription_tier, s.segment, s.signup_date, s.row_hash, s.dq_passed, s.dq_failure_reason,
     s.pipeline_version);

CREATE OR REPLACE TEMPORARY VIEW user_history AS
WITH effective AS (
    -- Of the changes at one time the last one in the log holds.
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY user_id_hashed, changed_at ORDER BY lsn DESC) AS newest
        FROM silver.user_changes
    )
    WHERE newest = 1
),
marked AS (
    -- A change that changes nothing opens no version.
    SELECT
        *,
        CASE WHEN lag(row_hash) OVER (PARTITION BY user_id_hashed ORDER BY changed_at) = row_hash
             THEN 0 ELSE 1 END AS opens_version
    FROM effective
),
numbered AS (
    SELECT
        *,
        sum(opens_version) OVER (PARTITION BY user_id_hashed ORDER BY changed_at) AS version_number
    FROM marked
),
spans AS (
    SELECT
        *,
        max(changed_at) OVER (PARTITION BY user_id_hashed, version_number) AS last_seen_at
    FROM numbered
),
versions AS (
    SELECT
        *,
        lead(changed_at) OVER (PARTITION BY user_id_hashed ORDER BY changed_at) AS valid_to,
        lead(op) OVER (PARTITION BY user_id_hashed ORDER BY changed_at)         AS ended_by
    FROM spans
    WHERE opens_version = 1
)
SELECT
    user_id_hashed, email, phone, full_name_hashed, country, city, subscription_tier, segment, signup_date,
    row_hash,
    changed_at                                        AS valid_from,
    valid_to,
    valid_to IS NULL                                  AS is_current,
    last_seen_at,
    coalesce(ended_by, '') = 'd'                      AS is_deleted,
    CASE WHEN ended_by = 'd' THEN valid_to END        AS deleted_at,
    dq_passed,
    dq_failure_reason,
    pipeline_version
FROM versions
WHERE op <> 'd';

MERGE INTO silver.users AS t
USING user_history AS s
ON t.user_id_hashed = s.user_id_hashed AND t.valid_from = s.valid_from
WHEN MATCHED AND (t.row_hash <> s.row_hash OR NOT (t.valid_to <=> s.valid_to)
                  OR t.last_seen_at <> s.last_seen_at OR t.is_deleted <> s.is_deleted) THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *
WHEN NOT MATCHED BY SOURCE THEN DELETE;

-- For analysts, who see neither the address nor the number.
CREATE SCHEMA IF NOT EXISTS silver_masked;

CREATE OR REPLACE VIEW catalog.silver_masked.users AS
SELECT
    user_id_hashed,
    subscription_tier,
    signup_date,
    country,
    -- Mask email: show domain only
    CONCAT('****@', SPLIT(email, '@')[1]) AS email_masked,
    -- Mask phone: show last 4 digits only
    CONCAT('***-***-', RIGHT(phone, 4))   AS phone_masked
FROM catalog.silver.users;
