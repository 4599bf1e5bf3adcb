

WITH effective AS (
    -- Of the changes at one time the last one in the log holds.
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY user_id_hashed, changed_at ORDER BY lsn DESC) AS newest
        FROM `lake`.`silver`.`user_changes`
    )
    WHERE newest = 1
),
marked AS (
    -- A change that changes nothing opens no version.
    SELECT
        *,
        CASE WHEN lag(row_hash) OVER (PARTITION BY user_id_hashed ORDER BY changed_at) = row_hash
             THEN 0 ELSE 1 END AS opens_version
    FROM effective
),
numbered AS (
    SELECT
        *,
        sum(opens_version) OVER (PARTITION BY user_id_hashed ORDER BY changed_at) AS version_number
    FROM marked
),
spans AS (
    SELECT
        *,
        max(changed_at) OVER (PARTITION BY user_id_hashed, version_number) AS last_seen_at
    FROM numbered
),
versions AS (
    SELECT
        *,
        lead(changed_at) OVER (PARTITION BY user_id_hashed ORDER BY changed_at) AS valid_to,
        lead(op) OVER (PARTITION BY user_id_hashed ORDER BY changed_at)         AS ended_by
    FROM spans
    WHERE opens_version = 1
)
SELECT
    user_id_hashed, email, phone, full_name_hashed, country, city, subscription_tier, segment, signup_date,
    row_hash,
    changed_at                                        AS valid_from,
    valid_to,
    valid_to IS NULL                                  AS is_current,
    last_seen_at,
    coalesce(ended_by, '') = 'd'                      AS is_deleted,
    CASE WHEN ended_by = 'd' THEN valid_to END        AS deleted_at,
    dq_passed,
    dq_failure_reason,
    pipeline_version
FROM versions
WHERE op <> 'd'