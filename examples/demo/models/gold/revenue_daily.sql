{{ config(
    unique_key=['revenue_date', 'currency', 'platform'],
    tags=['finance']
) }}

-- Net of refunds, by currency and platform. A refund counts on its own day, in the currency and on the platform of
-- its sale.
WITH revenue AS (
    SELECT
        transaction_date                                                                AS revenue_date,
        currency,
        platform,
        SUM(CASE WHEN transaction_type = 'sale'   THEN amount ELSE 0 END)               AS gross_revenue,
        SUM(CASE WHEN transaction_type = 'refund' THEN amount ELSE 0 END)               AS refunds,
        SUM(CASE WHEN transaction_type = 'refund' THEN -amount ELSE amount END)         AS net_revenue,
        COUNT(CASE WHEN transaction_type = 'sale'   THEN 1 END)                         AS sales_count,
        COUNT(CASE WHEN transaction_type = 'refund' THEN 1 END)                         AS refund_count,
        CURRENT_TIMESTAMP()                                                             AS refreshed_at
    FROM {{ ref('silver_transactions') }}
    WHERE dq_passed AND status IN ('completed', 'refunded')
    GROUP BY transaction_date, currency, platform
)

{{ new_or_changed('revenue', ['revenue_date', 'currency', 'platform'],
                  ['gross_revenue', 'refunds', 'sales_count', 'refund_count']) }}
