SELECT
    DATE(start_timestamp) AS date,
    COUNT(*) AS execution_count,
    SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) AS success,
    SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed
FROM execution_db
WHERE start_timestamp >= DATE_SUB(NOW(), INTERVAL 7 DAY)
  AND parent IS NULL
GROUP BY DATE(start_timestamp)
ORDER BY date DESC;
