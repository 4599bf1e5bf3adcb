-- silver.* -> gold.ml_user_features: a weekly snapshot of every living user for the churn and LTV models.
-- Point-in-time correct: a row of snapshot_date D holds only what was known at D 00:00. An event that had
-- happened but was received later is not in it, and attributes are those of the version valid at D.
-- Owner: ml_platform, 120 minutes. Spark dialect. Running it again changes nothing.

CREATE TABLE IF NOT EXISTS gold.ml_user_features (
    snapshot_date          DATE           NOT NULL,
    user_id_hashed         STRING         NOT NULL,
    subscription_tier      STRING,
    country                STRING,
    segment                STRING,
    tenure_days            INT,
    events_7d              BIGINT         NOT NULL,
    sessions_7d            BIGINT         NOT NULL,
    purchases_7d           BIGINT         NOT NULL,
    errors_7d              BIGINT         NOT NULL,
    sales_count_30d        BIGINT         NOT NULL,
    refund_count_30d       BIGINT         NOT NULL,
    net_spend_30d          DECIMAL(28, 2) NOT NULL,
    days_since_last_event  INT,
    newest_input_at        TIMESTAMP
)
USING DELTA
PARTITIONED BY (snapshot_date)
TBLPROPERTIES (
    'quality.owner'       = 'ml_platform',
    'quality.sla_minutes' = '120',
    'quality.consumers'   = 'churn_model, ltv_model',
    'quality.freshness'   = 'daily_batch',
    'quality.description' = 'Point-in-time correct feature snapshot for ML training'
);

CREATE OR REPLACE TEMPORARY VIEW snapshots AS
SELECT snapshot_date, CAST(snapshot_date AS TIMESTAMP) AS as_of
FROM (
    SELECT explode(sequence(date_add(min(session_date), 7), date_add(max(session_date), 1), INTERVAL 7 DAYS))
           AS snapshot_date
    FROM silver.sessions
);

MERGE INTO gold.ml_user_features AS t
USING (
    WITH activity AS (
        SELECT
            p.snapshot_date,
            e.user_id_hashed,
            COUNT(*)                                                       AS events_7d,
            COUNT(DISTINCT e.session_id)                                   AS sessions_7d,
            COUNT(CASE WHEN e.event_type = 'purchase' THEN 1 END)          AS purchases_7d,
            COUNT(CASE WHEN e.event_type = 'error' THEN 1 END)             AS errors_7d,
            MAX(e.occurred_at)                                             AS last_event_at,
            MAX(e.ingested_at)                                             AS newest_event_input_at
        FROM snapshots AS p
        JOIN silver.events AS e
          ON e.occurred_at < p.as_of AND e.ingested_at < p.as_of
         AND e.event_date >= date_sub(p.snapshot_date, 7)
        WHERE e.dq_passed
        GROUP BY p.snapshot_date, e.user_id_hashed
    ),
    spend AS (
        SELECT
            p.snapshot_date,
            x.user_id_hashed,
            COUNT(CASE WHEN x.transaction_type = 'sale' THEN 1 END)                   AS sales_count_30d,
            COUNT(CASE WHEN x.transaction_type = 'refund' THEN 1 END)                 AS refund_count_30d,
            SUM(CASE WHEN x.transaction_type = 'refund' THEN -x.amount ELSE x.amount END) AS net_spend_30d,
            MAX(x.ingested_at)                                                        AS newest_spend_input_at
        FROM snapshots AS p
        JOIN silver.transactions AS x
          ON x.occurred_at < p.as_of AND x.ingested_at < p.as_of
         AND x.transaction_date >= date_sub(p.snapshot_date, 30)
        WHERE x.dq_passed AND x.status IN ('completed', 'refunded')
        GROUP BY p.snapshot_date, x.user_id_hashed
    )
    SELECT
        p.snapshot_date,
        u.user_id_hashed,
        u.subscription_tier,
        u.country,
        u.segment,
        datediff(p.snapshot_date, u.signup_date)              AS tenure_days,
        coalesce(a.events_7d, 0)                              AS events_7d,
        coalesce(a.sessions_7d, 0)                            AS sessions_7d,
        coalesce(a.purchases_7d, 0)                           AS purchases_7d,
        coalesce(a.errors_7d, 0)                              AS errors_7d,
        coalesce(s.sales_count_30d, 0)                        AS sales_count_30d,
        coalesce(s.refund_count_30d, 0)                       AS refund_count_30d,
        coalesce(s.net_spend_30d, 0)                          AS net_spend_30d,
        datediff(p.snapshot_date, CAST(a.last_event_at AS DATE)) AS days_since_last_event,
        greatest(u.valid_from, a.newest_event_input_at, s.newest_spend_input_at) AS newest_input_at
    FROM snapshots AS p
    JOIN silver.users AS u
      ON u.valid_from < p.as_of AND (u.valid_to IS NULL OR u.valid_to >= p.as_of)
    LEFT JOIN activity AS a
      ON a.snapshot_date = p.snapshot_date AND a.user_id_hashed = u.user_id_hashed
    LEFT JOIN spend AS s
      ON s.snapshot_date = p.snapshot_date AND s.user_id_hashed = u.user_id_hashed
) AS s
ON t.snapshot_date = s.snapshot_date AND t.user_id_hashed = s.user_id_hashed
WHEN MATCHED AND (t.events_7d <> s.events_7d OR t.net_spend_30d <> s.net_spend_30d
                  OR t.sales_count_30d <> s.sales_count_30d OR t.refund_count_30d <> s.refund_count_30d
                  OR NOT (t.subscription_tier <=> s.subscription_tier) OR NOT (t.country <=> s.country)
                  OR NOT (t.segment <=> s.segment) OR NOT (t.newest_input_at <=> s.newest_input_at))
    THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *;
