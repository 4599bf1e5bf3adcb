-- What the retail demo shows. DuckDB dialect.
SELECT count(*) AS bronze_rows,
       (SELECT count(*) FROM lake.bronze.dead_letters) AS dead_letters,
       sum(csv_fields(raw_payload)[4]::INT * csv_fields(raw_payload)[6]::DECIMAL(18, 4))::DECIMAL(28, 2)
           AS quantity_x_price,
       count(*) - count(DISTINCT checksum) AS exact_duplicates,
       (SELECT count(*) FROM lake.silver.retail_lines) AS silver_rows
FROM lake.bronze.retail;

SELECT invoice_date, sum(invoices)::BIGINT AS invoices, sum(sold)::DECIMAL(28, 2) AS sold,
       sum(cancelled)::DECIMAL(28, 2) AS cancelled, sum(net_revenue)::DECIMAL(28, 2) AS net,
       bar(sum(net_revenue)::DOUBLE, 0, max(sum(net_revenue)::DOUBLE) OVER (), 32) AS net_revenue
FROM lake.gold.retail_revenue_daily
GROUP BY invoice_date
ORDER BY invoice_date;

SELECT country, sum(invoices)::BIGINT AS invoices, sum(net_revenue)::DECIMAL(28, 2) AS net
FROM lake.gold.retail_revenue_daily
GROUP BY country
ORDER BY net DESC
LIMIT 5;
