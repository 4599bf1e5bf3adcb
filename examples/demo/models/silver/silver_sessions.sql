{{ config(alias='sessions', incremental_strategy='append', partition_by=['session_date']) }}

-- Typed, one row per session_id, the address of the client tokenized.
SELECT
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
    FROM {{ ref('sessions_read') }}
    WHERE quarantine_reason IS NULL
) AS r
WHERE copy = 1
{{ and_not_here_yet('r', ['session_id']) }}
