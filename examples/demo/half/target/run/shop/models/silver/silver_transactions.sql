merge into `lake`.`silver`.`transactions` as DBT_INTERNAL_DEST using (


-- Sales and refunds, one row per transaction_id, names and addresses tokenized. A refund may come before its
-- sale is there: a row's judgement is renewed when it changes.
WITH __dbt__cte__transactions_read as (


SELECT
    NULLIF(f[0], '')                    AS transaction_id,
    NULLIF(f[1], '')                    AS user_id,
    NULLIF(f[2], '')                    AS session_id,
    NULLIF(f[3], '')                    AS transaction_type,
    NULLIF(f[4], '')                    AS original_transaction_id,
    TRY_CAST(f[5] AS DECIMAL(18, 2))    AS amount,
    NULLIF(f[6], '')                    AS currency,
    NULLIF(f[7], '')                    AS platform,
    NULLIF(f[8], '')                    AS status,
    NULLIF(f[9], '')                    AS payment_method,
    NULLIF(f[10], '')                   AS billing_email,
    NULLIF(f[11], '')                   AS card_holder,
    TRY_CAST(f[12] AS TIMESTAMP)        AS occurred_at,
    TRY_CAST(f[13] AS TIMESTAMP)        AS received_at,
    CASE
        WHEN f[0] = ''                                 THEN 'transaction_id is missing'
        WHEN f[1] = ''                                 THEN 'user_id is missing'
        WHEN f[3] NOT IN ('sale', 'refund')            THEN 'type is neither sale nor refund'
        WHEN TRY_CAST(f[5] AS DECIMAL(18, 2)) IS NULL  THEN 'amount cannot be read'
        WHEN f[6] = '' OR f[7] = '' OR f[8] = ''       THEN 'currency, platform or status is missing'
        WHEN TRY_CAST(f[12] AS TIMESTAMP) IS NULL      THEN 'occurred_at cannot be read'
    END AS quarantine_reason,
    checksum,
    source_topic,
    source_offset,
    ingestion_date,
    pipeline_version
FROM (
    SELECT csv_fields(raw_payload) AS f, checksum, source_topic, source_offset, ingestion_date, pipeline_version
    FROM `lake`.`bronze`.`transactions`
)
), judged AS (
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
            FROM __dbt__cte__transactions_read
            WHERE quarantine_reason IS NULL
        ) AS r
        LEFT JOIN (
            SELECT DISTINCT transaction_id
            FROM __dbt__cte__transactions_read
            WHERE quarantine_reason IS NULL AND transaction_type = 'sale'
        ) AS sale
        ON r.original_transaction_id = sale.transaction_id
        WHERE r.copy = 1
    )
)


SELECT next.*
FROM judged AS next
LEFT JOIN `lake`.`silver`.`transactions` AS here
  ON here.transaction_id = next.transaction_id AND here.transaction_date = next.transaction_date AND here.status = next.status
WHERE here.transaction_id IS NULL
   OR NOT (here.dq_passed <=> next.dq_passed)

) as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.transaction_id = DBT_INTERNAL_DEST.transaction_id and DBT_INTERNAL_SOURCE.transaction_date = DBT_INTERNAL_DEST.transaction_date and DBT_INTERNAL_SOURCE.status = DBT_INTERNAL_DEST.status)
when matched then update set `transaction_id` = DBT_INTERNAL_SOURCE.`transaction_id`, `user_id_hashed` = DBT_INTERNAL_SOURCE.`user_id_hashed`, `session_id` = DBT_INTERNAL_SOURCE.`session_id`, `transaction_type` = DBT_INTERNAL_SOURCE.`transaction_type`, `original_transaction_id` = DBT_INTERNAL_SOURCE.`original_transaction_id`, `amount` = DBT_INTERNAL_SOURCE.`amount`, `currency` = DBT_INTERNAL_SOURCE.`currency`, `platform` = DBT_INTERNAL_SOURCE.`platform`, `status` = DBT_INTERNAL_SOURCE.`status`, `payment_method` = DBT_INTERNAL_SOURCE.`payment_method`, `billing_email_hashed` = DBT_INTERNAL_SOURCE.`billing_email_hashed`, `card_holder_hashed` = DBT_INTERNAL_SOURCE.`card_holder_hashed`, `occurred_at` = DBT_INTERNAL_SOURCE.`occurred_at`, `ingested_at` = DBT_INTERNAL_SOURCE.`ingested_at`, `transaction_date` = DBT_INTERNAL_SOURCE.`transaction_date`, `dq_passed` = DBT_INTERNAL_SOURCE.`dq_passed`, `dq_failure_reason` = DBT_INTERNAL_SOURCE.`dq_failure_reason`, `pipeline_version` = DBT_INTERNAL_SOURCE.`pipeline_version`
when not matched then insert (`transaction_id`, `user_id_hashed`, `session_id`, `transaction_type`, `original_transaction_id`, `amount`, `currency`, `platform`, `status`, `payment_method`, `billing_email_hashed`, `card_holder_hashed`, `occurred_at`, `ingested_at`, `transaction_date`, `dq_passed`, `dq_failure_reason`, `pipeline_version`) values (DBT_INTERNAL_SOURCE.`transaction_id`, DBT_INTERNAL_SOURCE.`user_id_hashed`, DBT_INTERNAL_SOURCE.`session_id`, DBT_INTERNAL_SOURCE.`transaction_type`, DBT_INTERNAL_SOURCE.`original_transaction_id`, DBT_INTERNAL_SOURCE.`amount`, DBT_INTERNAL_SOURCE.`currency`, DBT_INTERNAL_SOURCE.`platform`, DBT_INTERNAL_SOURCE.`status`, DBT_INTERNAL_SOURCE.`payment_method`, DBT_INTERNAL_SOURCE.`billing_email_hashed`, DBT_INTERNAL_SOURCE.`card_holder_hashed`, DBT_INTERNAL_SOURCE.`occurred_at`, DBT_INTERNAL_SOURCE.`ingested_at`, DBT_INTERNAL_SOURCE.`transaction_date`, DBT_INTERNAL_SOURCE.`dq_passed`, DBT_INTERNAL_SOURCE.`dq_failure_reason`, DBT_INTERNAL_SOURCE.`pipeline_version`)