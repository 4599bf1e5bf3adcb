

-- Pointers into Bronze and the reason: the payload may hold personal data and stays where it is.
with __dbt__cte__users_read as (


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
    FROM `lake`.`bronze`.`users`
)
)SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
FROM __dbt__cte__users_read AS r
WHERE quarantine_reason IS NOT NULL

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`users_quarantine` AS here
    WHERE here.checksum = r.checksum AND here.source_topic = r.source_topic AND here.source_offset = r.source_offset)
