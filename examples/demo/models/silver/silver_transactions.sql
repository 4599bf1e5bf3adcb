{{ config(
    alias='transactions',
    unique_key=['transaction_id', 'transaction_date', 'status'],
    partition_by=['transaction_date', 'status']
) }}

-- Sales and refunds, one row per transaction_id, names and addresses tokenized. A refund may come before its
-- sale is there: a row's judgement is renewed when it changes.
WITH judged AS (
    SELECT
        transaction_id,
        pii_token(user_id)             AS user_id_hashed,
        session_id,
        transaction_type,
        original_transaction_id,
        amount,
        currency,
        platform,
        status,
        payment_method,
        pii_token(billing_email)       AS billing_email_hashed,
        pii_token(card_holder)         AS card_holder_hashed,
        occurred_at,
        received_at                    AS ingested_at,
        CAST(occurred_at AS DATE)      AS transaction_date,
        dq_failure_reason = ''         AS dq_passed,
        NULLIF(dq_failure_reason, '')  AS dq_failure_reason,
        pipeline_version
    FROM (
        SELECT
            r.*,
            concat_ws('; ',
                CASE WHEN r.currency NOT IN ('USD', 'EUR', 'GBP', 'JPY', 'INR', 'BRL')
                     THEN concat('currency ', r.currency, ' is not in the contract') END,
                CASE WHEN r.amount < 0 THEN 'amount is negative' END,
                CASE WHEN r.transaction_type = 'refund' AND sale.transaction_id IS NULL
                     THEN 'refund of a sale that is not known' END
            ) AS dq_failure_reason
        FROM (
            SELECT
                *,
                row_number() OVER (PARTITION BY transaction_id
                                   ORDER BY received_at, source_topic, source_offset) AS copy
            FROM {{ ref('transactions_read') }}
            WHERE quarantine_reason IS NULL
        ) AS r
        LEFT JOIN (
            SELECT DISTINCT transaction_id
            FROM {{ ref('transactions_read') }}
            WHERE quarantine_reason IS NULL AND transaction_type = 'sale'
        ) AS sale
        ON r.original_transaction_id = sale.transaction_id
        WHERE r.copy = 1
    )
)

{{ new_or_changed('judged', ['transaction_id', 'transaction_date', 'status'], ['dq_passed']) }}
