-- What the demo shows of Gold. DuckDB dialect (it has bar()).
SELECT event_date, platform, dau, total_sessions AS sessions, total_events AS events, late_arrival_count AS late,
       bar(dau, 0, (SELECT max(dau) FROM lake.gold.dau_by_platform), 32) AS daily_active_users
FROM lake.gold.dau_by_platform
WHERE event_date > (SELECT max(event_date) - 3 FROM lake.gold.dau_by_platform)
ORDER BY event_date, dau DESC;

SELECT currency, sum(gross_revenue) AS gross, sum(refunds) AS refunds, sum(net_revenue) AS net,
       sum(sales_count)::BIGINT AS sales, sum(refund_count)::BIGINT AS refunded
FROM lake.gold.revenue_daily
GROUP BY currency
ORDER BY currency;

SELECT snapshot_date, count(*) AS users, avg(events_7d)::DECIMAL(10, 1) AS events_7d_avg,
       count(*) FILTER (WHERE events_7d = 0) AS inactive_7d, max(newest_input_at) AS newest_input
FROM lake.gold.ml_user_features
GROUP BY snapshot_date
ORDER BY snapshot_date;
