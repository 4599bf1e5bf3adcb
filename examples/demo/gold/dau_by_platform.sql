-- silver.events -> gold.dau_by_platform. Owner: product_analytics, 60 minutes.
-- Spark dialect. All days are computed; only rows that differ are written, so running it again changes nothing.

CREATE TABLE IF NOT EXISTS gold.dau_by_platform (
    event_date          DATE       NOT NULL,
    platform            STRING     NOT NULL,
    dau                 BIGINT     NOT NULL,
    total_sessions      BIGINT,
    total_events        BIGINT,
    events_per_session  DOUBLE,
    late_arrival_count  BIGINT,
    failed_dq_count     BIGINT,
    refreshed_at        TIMESTAMP
)
USING DELTA
TBLPROPERTIES (
    'quality.owner'       = 'product_analytics',
    'quality.sla_minutes' = '60',
    'quality.consumers'   = 'tableau_product_dashboard, growth_api',
    'quality.freshness'   = 'hourly_batch',
    'quality.description' = 'Daily active users segmented by platform and feature'
);

MERGE INTO gold.dau_by_platform AS t
USING (
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
        FROM silver.events
        WHERE dq_passed = true
        GROUP BY event_date, platform
    )

    SELECT * FROM base
) AS s
ON t.event_date = s.event_date AND t.platform = s.platform
WHEN MATCHED AND (t.dau <> s.dau OR t.total_sessions <> s.total_sessions OR t.total_events <> s.total_events
                  OR t.late_arrival_count <> s.late_arrival_count) THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *;
