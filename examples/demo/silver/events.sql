-- bronze.events -> silver.events: typed, one row per event_id, no personal data in the clear, every row
-- judged. What cannot be typed goes to silver.events_quarantine; what breaks a rule stays and is flagged.
-- Spark dialect. Needs pii_token(): tarn sql --pii-key k1=file:PATH. Running it again changes nothing.

CREATE TABLE IF NOT EXISTS silver.events (
    event_id            STRING        NOT NULL,
    user_id_hashed      STRING        NOT NULL,
    session_id          STRING,
    event_type          STRING        NOT NULL,
    platform            STRING        NOT NULL,
    occurred_at         TIMESTAMP     NOT NULL,
    ingested_at         TIMESTAMP     NOT NULL,
    event_date          DATE          NOT NULL,
    properties          MAP<STRING, STRING>,
    ingestion_lag_secs  BIGINT,
    is_late_arrival     BOOLEAN,
    dq_passed           BOOLEAN       NOT NULL,
    dq_failure_reason   STRING,
    pipeline_version    STRING
)
USING DELTA
PARTITIONED BY (event_date, platform)
TBLPROPERTIES (
    'delta.enableChangeDataFeed'            = 'true',
    'delta.autoOptimize.optimizeWrite'      = 'true',
    'delta.autoOptimize.autoCompact'        = 'true',
    'delta.dataSkippingNumIndexedCols'      = '5',
    'delta.logRetentionDuration'            = 'interval 30 days',
    'delta.deletedFileRetentionDuration'    = 'interval 7 days',
    'quality.owner'                         = 'data_platform',
    'quality.sla_minutes'                   = '15'
);

-- A pointer into Bronze and the reason: the payload may hold personal data and stays where it is.
CREATE TABLE IF NOT EXISTS silver.events_quarantine (
    checksum          STRING  NOT NULL,
    source_topic      STRING  NOT NULL,
    source_offset     BIGINT  NOT NULL,
    ingestion_date    DATE    NOT NULL,
    reason            STRING  NOT NULL,
    pipeline_version  STRING
)
USING DELTA;

CREATE OR REPLACE TEMPORARY VIEW events_read AS
SELECT
    e.event_id,
    e.user_id,
    e.session_id,
    e.event_type,
    e.platform,
    TRY_CAST(e.occurred_at AS TIMESTAMP)  AS occurred_at,
    TRY_CAST(e.received_at AS TIMESTAMP)  AS received_at,
    e.properties,
    CASE
        WHEN coalesce(e.event_id, '') = ''                THEN 'event_id is missing'
        WHEN coalesce(e.user_id, '') = ''                 THEN 'user_id is missing'
        WHEN coalesce(e.event_type, '') = ''              THEN 'event_type is missing'
        WHEN coalesce(e.platform, '') = ''                THEN 'platform is missing'
        WHEN TRY_CAST(e.occurred_at AS TIMESTAMP) IS NULL THEN 'occurred_at cannot be read'
        WHEN TRY_CAST(e.received_at AS TIMESTAMP) IS NULL THEN 'received_at cannot be read'
    END AS quarantine_reason,
    checksum,
    source_topic,
    source_offset,
    ingestion_date,
    pipeline_version
FROM (
    SELECT
        from_json(CAST(raw_payload AS STRING),
                  'event_id STRING, user_id STRING, session_id STRING, event_type STRING, platform STRING,
                   occurred_at STRING, received_at STRING, properties MAP<STRING, STRING>') AS e,
        checksum, source_topic, source_offset, ingestion_date, pipeline_version
    FROM bronze.events
);

MERGE INTO silver.events_quarantine AS t
USING (
    SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
    FROM events_read
    WHERE quarantine_reason IS NOT NULL
) AS s
ON t.checksum = s.checksum AND t.source_topic = s.source_topic AND t.source_offset = s.source_offset
WHEN NOT MATCHED THEN INSERT *;

MERGE INTO silver.events AS t
USING (
    SELECT
        event_id,
        pii_token(user_id)                                    AS user_id_hashed,
        session_id,
        event_type,
        platform,
        occurred_at,
        received_at                                           AS ingested_at,
        CAST(occurred_at AS DATE)                             AS event_date,
        -- Form fields carry addresses and numbers: tokens from here on.
        transform_values(properties, (k, v) ->
            CASE WHEN k IN ('email', 'phone') THEN pii_token(v) ELSE v END) AS properties,
        unix_timestamp(received_at) - unix_timestamp(occurred_at)           AS ingestion_lag_secs,
        unix_timestamp(received_at) - unix_timestamp(occurred_at) > 3600    AS is_late_arrival,
        dq_failure_reason = ''                                AS dq_passed,
        NULLIF(dq_failure_reason, '')                         AS dq_failure_reason,
        pipeline_version
    FROM (
        SELECT
            *,
            concat_ws('; ',
                CASE WHEN event_type NOT IN ('page_view', 'click', 'form_submit', 'purchase', 'error')
                     THEN concat('event_type ', event_type, ' is not in the contract') END,
                CASE WHEN platform NOT IN ('WEB', 'IOS', 'ANDROID', 'BACKEND')
                     THEN concat('platform ', platform, ' is not in the contract') END,
                CASE WHEN unix_timestamp(received_at) - unix_timestamp(occurred_at) < -300
                     THEN 'occurred_at lies in the future' END
            ) AS dq_failure_reason,
            -- Of the copies of an event the one received first holds.
            row_number() OVER (PARTITION BY event_id ORDER BY received_at, source_topic, source_offset) AS copy
        FROM events_read
        WHERE quarantine_reason IS NULL
    )
    WHERE copy = 1
) AS s
ON t.event_id = s.event_id AND t.event_date = s.event_date AND t.platform = s.platform
WHEN NOT MATCHED THEN INSERT *;
