-- The books of the demo: every record that was read is somewhere, and the numbers are those of truth.json.
-- DuckDB dialect. Wants the variables truth (path of truth.json) and read_events, read_users,
-- read_transactions, read_sessions (records counted in the files themselves).

CREATE OR REPLACE TEMP VIEW truth AS SELECT * FROM read_json_auto(getvariable('truth'));

CREATE OR REPLACE TEMP TABLE books AS
WITH dead AS (
    SELECT split_part(source_topic, '-', 1) AS stream, count(*) AS n FROM lake.bronze.dead_letters GROUP BY 1
),
streams(stream, read, bronze, distinct_records, quarantined, silver, dq_failed, late, truth) AS (
    SELECT 'events', getvariable('read_events'),
           (SELECT count(*) FROM lake.bronze.events),
           (SELECT count(DISTINCT json_extract_string(decode(raw_payload), '$.event_id')) FROM lake.bronze.events
             WHERE checksum NOT IN (SELECT checksum FROM lake.silver.events_quarantine)),
           (SELECT count(*) FROM lake.silver.events_quarantine),
           (SELECT count(*) FROM lake.silver.events),
           (SELECT count(*) FROM lake.silver.events WHERE NOT dq_passed),
           (SELECT count(*) FROM lake.silver.events WHERE is_late_arrival),
           (SELECT events FROM truth)
    UNION ALL
    SELECT 'users', getvariable('read_users'),
           (SELECT count(*) FROM lake.bronze.users),
           (SELECT count(DISTINCT (json_extract_string(decode(raw_payload), '$.source.lsn'),
                                   coalesce(json_extract_string(decode(raw_payload), '$.after.user_id'),
                                            json_extract_string(decode(raw_payload), '$.before.user_id'))))
              FROM lake.bronze.users
             WHERE checksum NOT IN (SELECT checksum FROM lake.silver.users_quarantine)),
           (SELECT count(*) FROM lake.silver.users_quarantine),
           (SELECT count(*) FROM lake.silver.user_changes),
           (SELECT count(*) FROM lake.silver.user_changes WHERE NOT dq_passed), 0,
           (SELECT users FROM truth)
    UNION ALL
    SELECT 'transactions', getvariable('read_transactions'),
           (SELECT count(*) FROM lake.bronze.transactions),
           (SELECT count(DISTINCT split_part(decode(raw_payload), ',', 1)) FROM lake.bronze.transactions
             WHERE checksum NOT IN (SELECT checksum FROM lake.silver.transactions_quarantine)),
           (SELECT count(*) FROM lake.silver.transactions_quarantine),
           (SELECT count(*) FROM lake.silver.transactions),
           (SELECT count(*) FROM lake.silver.transactions WHERE NOT dq_passed), 0,
           (SELECT transactions FROM truth)
    UNION ALL
    SELECT 'sessions', getvariable('read_sessions'),
           (SELECT count(*) FROM lake.bronze.sessions),
           (SELECT count(DISTINCT json_extract_string(decode(raw_payload), '$.session_id')) FROM lake.bronze.sessions
             WHERE checksum NOT IN (SELECT checksum FROM lake.silver.sessions_quarantine)),
           (SELECT count(*) FROM lake.silver.sessions_quarantine),
           (SELECT count(*) FROM lake.silver.sessions),
           (SELECT count(*) FROM lake.silver.sessions WHERE NOT dq_passed), 0,
           (SELECT sessions FROM truth)
)
SELECT
    s.stream,
    s.read,
    coalesce(d.n, 0)                                     AS dead_letters,
    s.bronze,
    s.bronze - s.quarantined - s.distinct_records        AS duplicates,
    s.quarantined,
    s.silver,
    s.dq_failed,
    s.late,
    s.truth
FROM streams AS s
LEFT JOIN dead AS d USING (stream);

-- Each check is a row; `good` must be true in all of them.
CREATE OR REPLACE TEMP TABLE checks AS
SELECT stream || ': read = bronze + dead letters' AS what, read = bronze + dead_letters AS good FROM books
UNION ALL
SELECT stream || ': bronze = silver + duplicates + quarantined', bronze = silver + duplicates + quarantined FROM books
UNION ALL
SELECT stream || ': every count is the generator''s',
       truth = {'read': read, 'dead_letters': dead_letters, 'bronze': bronze, 'duplicates': duplicates,
                'quarantined': quarantined, 'silver': silver, 'dq_failed': dq_failed, 'late': late}
FROM books
UNION ALL
SELECT 'silver.users: one current row per living user, no overlaps',
       (SELECT count(*) FROM lake.silver.users) = (SELECT user_history.versions FROM truth)
       AND (SELECT count(*) FROM lake.silver.users WHERE is_current) = (SELECT user_history.current FROM truth)
       AND (SELECT count(*) FROM lake.silver.users WHERE is_deleted) = (SELECT user_history.deleted FROM truth)
       AND NOT EXISTS (FROM lake.silver.users AS a JOIN lake.silver.users AS b
                         ON a.user_id_hashed = b.user_id_hashed AND a.valid_from < b.valid_from
                        AND (a.valid_to IS NULL OR a.valid_to > b.valid_from))
UNION ALL
SELECT 'gold.dau_by_platform is the generator''s, day by day',
       NOT EXISTS ((SELECT r.event_date::DATE, r.platform, r.dau, r.total_sessions, r.total_events,
                           r.late_arrival_count
                      FROM (SELECT unnest(dau_by_platform) AS r FROM truth))
                   EXCEPT ALL
                   (SELECT event_date, platform, dau, total_sessions, total_events, late_arrival_count
                      FROM lake.gold.dau_by_platform))
       AND (SELECT count(*) FROM lake.gold.dau_by_platform) = (SELECT len(dau_by_platform) FROM truth)
UNION ALL
SELECT 'gold.revenue_daily is the generator''s, to the cent',
       NOT EXISTS ((SELECT r.revenue_date::DATE, r.currency, r.platform, r.gross::DECIMAL(28, 2),
                           r.refunds::DECIMAL(28, 2), r.net::DECIMAL(28, 2)
                      FROM (SELECT unnest(revenue_daily) AS r FROM truth))
                   EXCEPT ALL
                   (SELECT revenue_date, currency, platform, gross_revenue, refunds, net_revenue
                      FROM lake.gold.revenue_daily WHERE sales_count + refund_count > 0))
UNION ALL
SELECT 'gold.ml_user_features: every living user at each snapshot, nothing from its future',
       NOT EXISTS (FROM (SELECT snapshot_date, count(*) AS users, max(newest_input_at) AS newest
                           FROM lake.gold.ml_user_features GROUP BY 1) AS f
                   LEFT JOIN (SELECT r.date::DATE AS date, r.users AS users
                                FROM (SELECT unnest(users_alive) AS r FROM truth)) AS a
                     ON a.date = f.snapshot_date
                  WHERE f.users IS DISTINCT FROM a.users OR f.newest >= f.snapshot_date::TIMESTAMPTZ)
       AND EXISTS (FROM lake.gold.ml_user_features)
UNION ALL
SELECT 'silver holds no personal data in the clear',
       NOT EXISTS (FROM lake.silver.users WHERE email NOT SIMILAR TO 'k1\.[0-9a-f]{64}@[a-z.]+'
                                             OR phone NOT SIMILAR TO 'k1\.[0-9a-f]{64}-[0-9]{4}')
       AND NOT EXISTS (FROM lake.silver.events WHERE user_id_hashed NOT SIMILAR TO 'k1\.[0-9a-f]{64}'
                                                  OR properties['email'] LIKE '%@%');
