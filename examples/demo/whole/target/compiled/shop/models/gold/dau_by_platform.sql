-- models/gold/dau_by_platform.sql

 
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
    FROM `lake`.`silver`.`events`
    WHERE dq_passed = true
    
        AND event_date >= DATE_SUB(CURRENT_DATE(), 3)    -- 3-day lookback for late arrivals
    
    GROUP BY event_date, platform
)
 
SELECT * FROM base