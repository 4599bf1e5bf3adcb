

-- Typed, one row per session_id, the address of the client tokenized.
with __dbt__cte__sessions_read as (


SELECT
    r.session_id,
    r.user_id,
    r.platform,
    TRY_CAST(r.started_at AS TIMESTAMP)  AS started_at,
    TRY_CAST(r.ended_at AS TIMESTAMP)    AS ended_at,
    TRY_CAST(r.event_count AS INT)       AS event_count,
    r.country,
    r.ip,
    r.app_version,
    CASE
        WHEN coalesce(r.session_id, '') = ''             THEN 'session_id is missing'
        WHEN coalesce(r.user_id, '') = ''                THEN 'user_id is missing'
        WHEN coalesce(r.platform, '') = ''               THEN 'platform is missing'
        WHEN TRY_CAST(r.started_at AS TIMESTAMP) IS NULL THEN 'started_at cannot be read'
    END AS quarantine_reason,
    checksum,
    source_topic,
    source_offset,
    ingestion_date,
    pipeline_version
FROM (
    SELECT
        from_json(CAST(raw_payload AS STRING),
                  'session_id STRING, user_id STRING, platform STRING, started_at STRING, ended_at STRING,
                   event_count STRING, country STRING, ip STRING, app_version STRING') AS r,
        checksum, source_topic, source_offset, ingestion_date, pipeline_version
    FROM `lake`.`bronze`.`sessions`
)
)SELECT
    session_id,
    pii_token(user_id)                                  AS user_id_hashed,
    platform,
    started_at,
    ended_at,
    CAST(started_at AS DATE)                            AS session_date,
    unix_timestamp(ended_at) - unix_timestamp(started_at) AS duration_secs,
    event_count,
    country,
    pii_token(ip)                                       AS ip_hashed,
    app_version,
    dq_failure_reason = ''                              AS dq_passed,
    NULLIF(dq_failure_reason, '')                       AS dq_failure_reason,
    pipeline_version
FROM (
    SELECT
        *,
        concat_ws('; ',
            CASE WHEN ended_at IS NULL THEN 'ended_at is missing or cannot be read' END,
            CASE WHEN ended_at < started_at THEN 'ended_at is before started_at' END
        ) AS dq_failure_reason,
        row_number() OVER (PARTITION BY session_id ORDER BY source_topic, source_offset) AS copy
    FROM __dbt__cte__sessions_read
    WHERE quarantine_reason IS NULL
) AS r
WHERE copy = 1

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`sessions` AS here
    WHERE here.session_id = r.session_id)
