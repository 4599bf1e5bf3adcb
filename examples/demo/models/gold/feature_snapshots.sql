{{ config(materialized='ephemeral') }}

SELECT snapshot_date, CAST(snapshot_date AS TIMESTAMP) AS as_of
FROM (
    SELECT explode(sequence(date_add(min(session_date), 7), date_add(max(session_date), 1), INTERVAL 7 DAYS))
           AS snapshot_date
    FROM {{ ref('silver_sessions') }}
)
