merge into `lake`.`gold`.`revenue_daily` as DBT_INTERNAL_DEST using (


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
    FROM `lake`.`silver`.`transactions`
    WHERE dq_passed AND status IN ('completed', 'refunded')
    GROUP BY transaction_date, currency, platform
)


SELECT next.*
FROM revenue AS next
LEFT JOIN `lake`.`gold`.`revenue_daily` AS here
  ON here.revenue_date = next.revenue_date AND here.currency = next.currency AND here.platform = next.platform
WHERE here.revenue_date IS NULL
   OR NOT (here.gross_revenue <=> next.gross_revenue)
   OR NOT (here.refunds <=> next.refunds)
   OR NOT (here.sales_count <=> next.sales_count)
   OR NOT (here.refund_count <=> next.refund_count)

) as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.revenue_date = DBT_INTERNAL_DEST.revenue_date and DBT_INTERNAL_SOURCE.currency = DBT_INTERNAL_DEST.currency and DBT_INTERNAL_SOURCE.platform = DBT_INTERNAL_DEST.platform)
when matched then update set `revenue_date` = DBT_INTERNAL_SOURCE.`revenue_date`, `currency` = DBT_INTERNAL_SOURCE.`currency`, `platform` = DBT_INTERNAL_SOURCE.`platform`, `gross_revenue` = DBT_INTERNAL_SOURCE.`gross_revenue`, `refunds` = DBT_INTERNAL_SOURCE.`refunds`, `net_revenue` = DBT_INTERNAL_SOURCE.`net_revenue`, `sales_count` = DBT_INTERNAL_SOURCE.`sales_count`, `refund_count` = DBT_INTERNAL_SOURCE.`refund_count`, `refreshed_at` = DBT_INTERNAL_SOURCE.`refreshed_at`
when not matched then insert (`revenue_date`, `currency`, `platform`, `gross_revenue`, `refunds`, `net_revenue`, `sales_count`, `refund_count`, `refreshed_at`) values (DBT_INTERNAL_SOURCE.`revenue_date`, DBT_INTERNAL_SOURCE.`currency`, DBT_INTERNAL_SOURCE.`platform`, DBT_INTERNAL_SOURCE.`gross_revenue`, DBT_INTERNAL_SOURCE.`refunds`, DBT_INTERNAL_SOURCE.`net_revenue`, DBT_INTERNAL_SOURCE.`sales_count`, DBT_INTERNAL_SOURCE.`refund_count`, DBT_INTERNAL_SOURCE.`refreshed_at`)