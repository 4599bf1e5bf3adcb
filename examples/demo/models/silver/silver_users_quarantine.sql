{{ config(alias='users_quarantine', incremental_strategy='append') }}

-- Pointers into Bronze and the reason: the payload may hold personal data and stays where it is.
SELECT checksum, source_topic, source_offset, ingestion_date, quarantine_reason AS reason, pipeline_version
FROM {{ ref('users_read') }} AS r
WHERE quarantine_reason IS NOT NULL
{{ and_not_here_yet('r', ['checksum', 'source_topic', 'source_offset']) }}
