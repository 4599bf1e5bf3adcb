

-- Pointers into Bronze and the reason: the payload may hold personal data and stays where it is.
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
)SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
FROM __dbt__cte__events_read AS r
WHERE quarantine_reason IS NOT NULL

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`events_quarantine` AS here
    WHERE here.checksum = r.checksum AND here.source_topic = r.source_topic AND here.source_offset = r.source_offset)
