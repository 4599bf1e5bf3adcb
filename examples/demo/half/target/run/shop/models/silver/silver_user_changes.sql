insert into `lake`.`silver`.`user_changes` (`user_id_hashed`, `lsn`, `op`, `changed_at`, `email`, `phone`, `full_name_hashed`, `country`, `city`, `subscription_tier`, `segment`, `signup_date`, `row_hash`, `dq_passed`, `dq_failure_reason`, `pipeline_version`) select `user_id_hashed`, `lsn`, `op`, `changed_at`, `email`, `phone`, `full_name_hashed`, `country`, `city`, `subscription_tier`, `segment`, `signup_date`, `row_hash`, `dq_passed`, `dq_failure_reason`, `pipeline_version` from (


-- Change records in the Debezium envelope, one row per change. A delete has its key in `before`; changes are ordered
-- by the position in the source's log (lsn), because times tie.
-- The address keeps its domain and the number its last four digits: what the masked view shows.
with __dbt__cte__users_read as (


SELECT
    c.op,
    c.source.lsn                                       AS lsn,
    timestamp_millis(c.ts_ms)                          AS changed_at,
    coalesce(c.after.user_id, c.before.user_id)        AS user_id,
    c.after                                            AS state,
    CASE
        WHEN c.op IS NULL OR c.op NOT IN ('c', 'u', 'd', 'r')             THEN 'op is none of c, u, d, r'
        WHEN coalesce(c.after.user_id, c.before.user_id, '') = ''
             OR (c.op <> 'd' AND coalesce(c.after.user_id, '') = '')      THEN 'user_id is missing'
        WHEN c.ts_ms IS NULL OR c.source.lsn IS NULL                      THEN 'ts_ms or lsn is missing'
    END AS quarantine_reason,
    checksum,
    source_topic,
    source_offset,
    ingestion_date,
    pipeline_version
FROM (
    SELECT
        from_json(CAST(raw_payload AS STRING),
                  'op STRING, ts_ms BIGINT, source STRUCT<lsn: BIGINT>, before STRUCT<user_id: STRING>,
                   after STRUCT<user_id: STRING, full_name: STRING, email: STRING, phone: STRING,
                                country: STRING, city: STRING, subscription_tier: STRING,
                                segment: STRING, signup_date: STRING>') AS c,
        checksum, source_topic, source_offset, ingestion_date, pipeline_version
    FROM `lake`.`bronze`.`users`
)
)SELECT
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
    FROM __dbt__cte__users_read
    WHERE quarantine_reason IS NULL
) AS r
WHERE copy = 1

  AND NOT EXISTS (
    SELECT 1 FROM `lake`.`silver`.`user_changes` AS here
    WHERE here.user_id_hashed = r.user_id_hashed AND here.lsn = r.lsn)

) as DBT_INTERNAL_SOURCE