-- bronze.retail (lines of an invoice export) -> silver.retail_lines: typed, exact duplicate lines dropped,
-- judged. Two lines are the same when their bytes are: `checksum` is of the whole line.
-- Spark dialect. Running it again changes nothing.

CREATE TABLE IF NOT EXISTS silver.retail_lines (
    line_id            STRING          NOT NULL,
    invoice_no         STRING          NOT NULL,
    stock_code         STRING          NOT NULL,
    description        STRING,
    quantity           INT             NOT NULL,
    unit_price         DECIMAL(18, 4)  NOT NULL,
    amount             DECIMAL(28, 4)  NOT NULL,
    customer_id        STRING,
    country            STRING,
    invoiced_at        TIMESTAMP       NOT NULL,
    invoice_date       DATE            NOT NULL,
    is_cancellation    BOOLEAN         NOT NULL,
    dq_passed          BOOLEAN         NOT NULL,
    dq_failure_reason  STRING,
    pipeline_version   STRING
)
USING DELTA
PARTITIONED BY (invoice_date)
TBLPROPERTIES ('quality.owner' = 'retail_analytics', 'quality.sla_minutes' = '60');

MERGE INTO silver.retail_lines AS t
USING (
    SELECT
        checksum                                             AS line_id,
        f[0]                                                 AS invoice_no,
        f[1]                                                 AS stock_code,
        NULLIF(trim(f[2]), '')                               AS description,
        CAST(f[3] AS INT)                                    AS quantity,
        CAST(f[5] AS DECIMAL(18, 4))                         AS unit_price,
        CAST(f[3] AS INT) * CAST(f[5] AS DECIMAL(18, 4))     AS amount,
        NULLIF(f[6], '')                                     AS customer_id,
        NULLIF(f[7], '')                                     AS country,
        to_timestamp(f[4], 'M/d/yy H:mm')                    AS invoiced_at,
        CAST(to_timestamp(f[4], 'M/d/yy H:mm') AS DATE)      AS invoice_date,
        f[0] LIKE 'C%'                                       AS is_cancellation,
        dq_failure_reason = ''                               AS dq_passed,
        NULLIF(dq_failure_reason, '')                        AS dq_failure_reason,
        pipeline_version
    FROM (
        SELECT
            *,
            concat_ws('; ',
                CASE WHEN f[6] = '' THEN 'no customer' END,
                CASE WHEN CAST(f[5] AS DECIMAL(18, 4)) = 0 THEN 'price is zero' END,
                CASE WHEN CAST(f[3] AS INT) < 0 AND f[0] NOT LIKE 'C%' THEN 'negative quantity outside a cancellation' END
            ) AS dq_failure_reason,
            row_number() OVER (PARTITION BY checksum ORDER BY source_topic, source_offset) AS copy
        FROM (
            SELECT csv_fields(raw_payload) AS f, checksum, source_topic, source_offset, pipeline_version
            FROM bronze.retail
        )
    )
    WHERE copy = 1
) AS s
ON t.line_id = s.line_id AND t.invoice_date = s.invoice_date
WHEN NOT MATCHED THEN INSERT *;
