

-- Pointers into Bronze and the reason: the payload may hold personal data and stays where it is.
with __dbt__cte__transactions_read as (


SELECT
    NULLIF(f[0], '')                    AS transaction_id,
    NULLIF(f[1], '')                    AS user_id,
    NULLIF(f[2], '')                    AS session_id,
    NULLIF(f[3], '')                    AS transaction_type,
    NULLIF(f[4], '')                    AS original_transaction_id,
    TRY_CAST(f[5] AS DECIMAL(18, 2))    AS amount,
    NULLIF(f[6], '')                    AS currency,
    NULLIF(f[7], '')                    AS platform,
    NULLIF(f[8], '')                    AS status,
    NULLIF(f[9], '')                    AS payment_method,
    NULLIF(f[10], '')                   AS billing_email,
    NULLIF(f[11], '')                   AS card_holder,
    TRY_CAST(f[12] AS TIMESTAMP)        AS occurred_at,
    TRY_CAST(f[13] AS TIMESTAMP)        AS received_at,
    CASE
        WHEN f[0] = ''                                 THEN 'transaction_id is missing'
        WHEN f[1] = ''                                 THEN 'user_id is missing'
        WHEN f[3] NOT IN ('sale', 'refund')            THEN 'type is neither sale nor refund'
        WHEN TRY_CAST(f[5] AS DECIMAL(18, 2)) IS NULL  THEN 'amount cannot be read'
        WHEN f[6] = '' OR f[7] = '' OR f[8] = ''       THEN 'currency, platform or status is missing'
        WHEN TRY_CAST(f[12] AS TIMESTAMP) IS NULL      THEN 'occurred_at cannot be read'
    END AS quarantine_reason,
    checksum,
    source_topic,
    source_offset,
    ingestion_date,
    pipeline_version
FROM (
    SELECT csv_fields(raw_payload) AS f, checksum, source_topic, source_offset, ingestion_date, pipeline_version
    FROM `lake`.`bronze`.`transactions`
)
)SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
FROM __dbt__cte__transactions_read AS r
WHERE quarantine_reason IS NOT NULL

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`transactions_quarantine` AS here
    WHERE here.checksum = r.checksum AND here.source_topic = r.source_topic AND here.source_offset = r.source_offset)
