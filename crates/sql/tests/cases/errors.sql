-- Rows on which an expression fails, in the error table.

--! file orders.csv
--| 1,4,2026-01-01 00:00:01
--| 1,0,2026-01-01 00:00:02
--| 2,5,2026-01-01 00:00:04
--| 3,0,2026-01-01 00:00:12

--! file rates.csv
--| 1,8,2026-01-01 00:00:00
--| 2,20,2026-01-01 00:00:00
--| 3,9,2026-01-01 00:00:11

--! setup
CREATE TABLE orders (k INT, n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv');
CREATE TABLE rates (rk INT, rate INT, rts TIMESTAMP(3), WATERMARK FOR rts AS rts, PRIMARY KEY (rk) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'rates.csv', 'format' = 'csv');
CREATE TABLE failed (message STRING, data_rowtime TIMESTAMP(3), pump_name STRING) WITH ('connector' = 'filesystem', 'path' = 'failed', 'format' = 'json');
SET 'pipeline.error-table' = 'failed';

--! case a condition of a join
SELECT k, n, rate FROM orders JOIN rates ON k = rk AND rate / n > 1;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 4 | 8
--| 2 | 5 | 20
--| division by zero | 2026-01-01 00:00:00 | join
--| division by zero | 2026-01-01 00:00:11 | join

--! case a condition of a left join: the row is without a partner
SELECT k, n, rate FROM orders LEFT JOIN rates ON k = rk AND rate / n > 1;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 0 | NULL
--| 1 | 4 | 8
--| 2 | 5 | 20
--| 3 | 0 | NULL
--| division by zero | 2026-01-01 00:00:00 | join
--| division by zero | 2026-01-01 00:00:11 | join

--! case a condition of a full join
SELECT k, n, rate FROM orders FULL JOIN rates ON k = rk AND rate / n > 3;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 0 | NULL
--| 1 | 4 | NULL
--| 2 | 5 | 20
--| 3 | 0 | NULL
--| NULL | NULL | 8
--| NULL | NULL | 9
--| division by zero | 2026-01-01 00:00:00 | join
--| division by zero | 2026-01-01 00:00:11 | join

--! case a condition of a semi join
SELECT k, n FROM orders WHERE EXISTS (SELECT 1 FROM rates WHERE rk = k AND rate / n > 1);
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 4
--| 2 | 5
--| division by zero | 2026-01-01 00:00:00 | join
--| division by zero | 2026-01-01 00:00:11 | join

--! case a condition of an interval join
SELECT k, n, rate FROM orders JOIN rates ON k = rk AND ts BETWEEN rts AND rts + INTERVAL '10' SECOND AND rate / n > 1;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 4 | 8
--| 2 | 5 | 20
--| division by zero | 2026-01-01 00:00:00 | interval join
--| division by zero | 2026-01-01 00:00:11 | interval join

--! case a condition of a window join
SELECT a.k, a.n, b.rate FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) AS a
LEFT JOIN TABLE(TUMBLE(TABLE rates, DESCRIPTOR(rts), INTERVAL '10' SECOND)) AS b
ON a.k = b.rk AND a.window_start = b.window_start AND a.window_end = b.window_end AND b.rate / a.n > 1;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 0 | NULL
--| 1 | 4 | 8
--| 2 | 5 | 20
--| 3 | 0 | NULL
--| division by zero | 2026-01-01 00:00:09.999 | window join
--| division by zero | 2026-01-01 00:00:19.999 | window join

--! case a condition of a temporal join
SELECT k, n, rate FROM orders LEFT JOIN rates FOR SYSTEM_TIME AS OF ts ON k = rk AND rate / n > 1;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 0 | NULL
--| 1 | 4 | 8
--| 2 | 5 | 20
--| 3 | 0 | NULL
--| division by zero | 2026-01-01 00:00:02 | temporal join
--| division by zero | 2026-01-01 00:00:12 | temporal join

--! case a condition of revised rows is told once
SELECT a.k, total, rate FROM (SELECT k, SUM(n) AS total, COUNT(*) AS c FROM orders GROUP BY k) AS a JOIN rates ON a.k = rk AND rate / total > 0;
--! then
SELECT * FROM failed;
--! flink differs: its conditions fail the job

--! rows
--| 1 | 4 | 8
--| 2 | 5 | 20
--| division by zero | 2026-01-01 00:00:11 | join

--! case an argument of an aggregate
SELECT k, SUM(10 / n), COUNT(*) FROM orders GROUP BY k;
--! then
SELECT * FROM failed;
--! flink differs: its arguments fail the job

--! rows
--| 1 | 2 | 1
--| 2 | 2 | 1
--| division by zero | 2026-01-01 00:00:02 | calc
--| division by zero | 2026-01-01 00:00:12 | calc

--! case an argument that overflows
SELECT window_start, SUM(CAST(n * 50 AS TINYINT)) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
--! then
SELECT * FROM failed;
--! flink differs: its casts wrap around

--! rows
--| 2026-01-01 00:00:00 | 0
--| 2026-01-01 00:00:10 | 0
--| Can't cast value 200 to type Int8 | 2026-01-01 00:00:01 | calc
--| Can't cast value 250 to type Int8 | 2026-01-01 00:00:04 | calc

--! case a key of a group
SELECT 20 / n AS key, COUNT(*) FROM orders GROUP BY 20 / n;
--! then
SELECT * FROM failed;
--! flink differs: its keys fail the job

--! rows
--| 4 | 1
--| 5 | 1
--| division by zero | 2026-01-01 00:00:02 | calc
--| division by zero | 2026-01-01 00:00:12 | calc

--! case an argument of OVER
SELECT k, SUM(20 / n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM orders;
--! then
SELECT * FROM failed;
--! flink differs: its arguments fail the job

--! rows
--| 1 | 5
--| 2 | 4
--| division by zero | 2026-01-01 00:00:02 | calc
--| division by zero | 2026-01-01 00:00:12 | calc

--! case without an error table the job fails
RESET 'pipeline.error-table';
SELECT k, n, rate FROM orders JOIN rates ON k = rk AND rate / n > 1;
--! rows
--| error: TM-ENGINE-0009: a row can't be processed: division by zero; the job would fail again at the same row
