insert into `lake`.`silver`.`events` (`event_id`, `user_id_hashed`, `session_id`, `event_type`, `platform`, `occurred_at`, `ingested_at`, `event_date`, `properties`, `ingestion_lag_secs`, `is_late_arrival`, `dq_passed`, `dq_failure_reason`, `pipeline_version`) select `event_id`, `user_id_hashed`, `session_id`, `event_type`, `platform`, `occurred_at`, `ingested_at`, `event_date`, `properties`, `ingestion_lag_secs`, `is_late_arrival`, `dq_passed`, `dq_failure_reason`, `pipeline_version` from (


-- Typed, one row per event_id, no personal data in the clear, every row judged.
with __dbt__cte__events_read as (


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
    FROM `lake`.`bronze`.`events`
)
)SELECT
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
    FROM __dbt__cte__events_read
    WHERE quarantine_reason IS NULL
) AS r
WHERE copy = 1

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`events` AS here
    WHERE here.event_id = r.event_id)

) as DBT_INTERNAL_SOURCE