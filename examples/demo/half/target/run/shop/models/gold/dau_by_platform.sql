merge into `lake`.`gold`.`dau_by_platform` as DBT_INTERNAL_DEST using (
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
) as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.event_date = DBT_INTERNAL_DEST.event_date and DBT_INTERNAL_SOURCE.platform = DBT_INTERNAL_DEST.platform)
when matched then update set `event_date` = DBT_INTERNAL_SOURCE.`event_date`, `platform` = DBT_INTERNAL_SOURCE.`platform`, `dau` = DBT_INTERNAL_SOURCE.`dau`, `total_sessions` = DBT_INTERNAL_SOURCE.`total_sessions`, `total_events` = DBT_INTERNAL_SOURCE.`total_events`, `events_per_session` = DBT_INTERNAL_SOURCE.`events_per_session`, `late_arrival_count` = DBT_INTERNAL_SOURCE.`late_arrival_count`, `failed_dq_count` = DBT_INTERNAL_SOURCE.`failed_dq_count`, `refreshed_at` = DBT_INTERNAL_SOURCE.`refreshed_at`
when not matched then insert (`event_date`, `platform`, `dau`, `total_sessions`, `total_events`, `events_per_session`, `late_arrival_count`, `failed_dq_count`, `refreshed_at`) values (DBT_INTERNAL_SOURCE.`event_date`, DBT_INTERNAL_SOURCE.`platform`, DBT_INTERNAL_SOURCE.`dau`, DBT_INTERNAL_SOURCE.`total_sessions`, DBT_INTERNAL_SOURCE.`total_events`, DBT_INTERNAL_SOURCE.`events_per_session`, DBT_INTERNAL_SOURCE.`late_arrival_count`, DBT_INTERNAL_SOURCE.`failed_dq_count`, DBT_INTERNAL_SOURCE.`refreshed_at`)