{{ config(schema='silver') }}

-- One row per event of a small table that the suite writes.
SELECT
    event_id,
    user_id_hashed,
    session_id,
    platform,
    DATE_SUB(CURRENT_DATE(), days_ago)    AS event_date,
    is_late_arrival,
    dq_passed
FROM silver.events
