{{ config(
    alias='events',
    incremental_strategy='append',
    partition_by=['event_date', 'platform'],
    tblproperties={
        'delta.enableChangeDataFeed': 'true',
        'delta.autoOptimize.optimizeWrite': 'true',
        'delta.autoOptimize.autoCompact': 'true',
        'delta.dataSkippingNumIndexedCols': '5',
        'delta.logRetentionDuration': 'interval 30 days',
        'delta.deletedFileRetentionDuration': 'interval 7 days'
    }
) }}

-- Typed, one row per event_id, no personal data in the clear, every row judged.
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
    FROM {{ ref('events_read') }}
    WHERE quarantine_reason IS NULL
) AS r
WHERE copy = 1
{{ and_not_here_yet('r', ['event_id']) }}
