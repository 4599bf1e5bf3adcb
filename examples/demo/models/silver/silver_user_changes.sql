{{ config(alias='user_changes', incremental_strategy='append') }}

-- Change records in the Debezium envelope, one row per change. A delete has its key in `before`; changes are ordered
-- by the position in the source's log (lsn), because times tie.
-- The address keeps its domain and the number its last four digits: what the masked view shows.
SELECT
    user_id_hashed,
    lsn,
    op,
    changed_at,
    email,
    phone,
    full_name_hashed,
    country,
    city,
    subscription_tier,
    segment,
    signup_date,
    sha2(concat_ws('|', CASE WHEN op = 'd' THEN 'deleted' ELSE 'living' END, email, phone,
                   full_name_hashed, country, city, subscription_tier, segment), 256) AS row_hash,
    dq_failure_reason IS NULL                           AS dq_passed,
    dq_failure_reason,
    pipeline_version
FROM (
    SELECT
        pii_token(user_id)                              AS user_id_hashed,
        lsn,
        op,
        changed_at,
        concat(pii_token(state.email), '@', split(state.email, '@')[1])   AS email,
        concat(pii_token(state.phone), '-', right(state.phone, 4))        AS phone,
        pii_token(state.full_name)                      AS full_name_hashed,
        state.country                                   AS country,
        state.city                                      AS city,
        state.subscription_tier                         AS subscription_tier,
        state.segment                                   AS segment,
        TRY_CAST(state.signup_date AS DATE)             AS signup_date,
        CASE WHEN op <> 'd' AND state.subscription_tier NOT IN ('free', 'basic', 'premium', 'enterprise')
             THEN 'subscription_tier is not in the contract' END AS dq_failure_reason,
        pipeline_version,
        row_number() OVER (PARTITION BY user_id, lsn ORDER BY source_topic, source_offset) AS copy
    FROM {{ ref('users_read') }}
    WHERE quarantine_reason IS NULL
) AS r
WHERE copy = 1
{{ and_not_here_yet('r', ['user_id_hashed', 'lsn']) }}
