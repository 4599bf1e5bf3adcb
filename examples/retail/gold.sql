-- silver.retail_lines -> gold.retail_revenue_daily: what was sold, cancelled and earned, by day and country.
-- Spark dialect. Running it again changes nothing.

CREATE TABLE IF NOT EXISTS gold.retail_revenue_daily (
    invoice_date   DATE            NOT NULL,
    country        STRING          NOT NULL,
    invoices       BIGINT          NOT NULL,
    sold           DECIMAL(28, 4)  NOT NULL,
    cancelled      DECIMAL(28, 4)  NOT NULL,
    net_revenue    DECIMAL(28, 4)  NOT NULL
)
USING DELTA
TBLPROPERTIES ('quality.owner' = 'retail_analytics', 'quality.sla_minutes' = '60');

MERGE INTO gold.retail_revenue_daily AS t
USING (
    SELECT
        invoice_date,
        coalesce(country, 'unknown')                                    AS country,
        COUNT(DISTINCT invoice_no)                                      AS invoices,
        SUM(CASE WHEN is_cancellation THEN 0 ELSE amount END)           AS sold,
        SUM(CASE WHEN is_cancellation THEN -amount ELSE 0 END)          AS cancelled,
        SUM(amount)                                                     AS net_revenue
    FROM silver.retail_lines
    GROUP BY invoice_date, coalesce(country, 'unknown')
) AS s
ON t.invoice_date = s.invoice_date AND t.country = s.country
WHEN MATCHED AND (t.invoices <> s.invoices OR t.sold <> s.sold OR t.cancelled <> s.cancelled) THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *;
