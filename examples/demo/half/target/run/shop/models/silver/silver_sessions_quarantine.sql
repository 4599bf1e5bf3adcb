insert into `lake`.`silver`.`sessions_quarantine` (`checksum`, `source_topic`, `source_offset`, `ingestion_date`, `reason`, `pipeline_version`) select `checksum`, `source_topic`, `source_offset`, `ingestion_date`, `reason`, `pipeline_version` from (


-- Pointers into Bronze and the reason: the payload may hold personal data and stays where it is.
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
)SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
FROM __dbt__cte__sessions_read AS r
WHERE quarantine_reason IS NOT NULL

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`sessions_quarantine` AS here
    WHERE here.checksum = r.checksum AND here.source_topic = r.source_topic AND here.source_offset = r.source_offset)

) as DBT_INTERNAL_SOURCE