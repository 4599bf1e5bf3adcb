-- models/gold/dau_by_platform.sql
{{ config(
    materialized='incremental',
    unique_key=['event_date', 'platform'],
    incremental_strategy='merge',
    partition_by={'field': 'event_date', 'data_type': 'date'},
    cluster_by=['platform'],
    tags=['gold', 'product', 'daily']
) }}
 
WITH base AS (
    SELECT
        event_date,
        platform,
        COUNT(DISTINCT user_id_hashed)                   AS dau,
        COUNT(DISTINCT session_id)                       AS total_sessions,
        COUNT(*)                                         AS total_events,
        ROUND(COUNT(*) / COUNT(DISTINCT session_id), 2)  AS events_per_session,
        SUM(CASE WHEN is_late_arrival THEN 1 ELSE 0 END) AS late_arrival_count,
        SUM(CASE WHEN NOT dq_passed   THEN 1 ELSE 0 END) AS failed_dq_count,
        CURRENT_TIMESTAMP()                              AS refreshed_at
    FROM {{ ref('silver_events') }}
    WHERE dq_passed = true
    {% if is_incremental() %}
        AND event_date >= DATE_SUB(CURRENT_DATE(), 3)    -- 3-day lookback for late arrivals
    {% endif %}
    GROUP BY event_date, platform
)
 
SELECT * FROM base
