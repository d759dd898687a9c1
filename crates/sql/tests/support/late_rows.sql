--! setup
CREATE TABLE bids (item STRING, n BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');
CREATE TABLE late (n BIGINT, ts TIMESTAMP(3), item STRING)
  WITH ('connector' = 'filesystem', 'path' = 'late', 'format' = 'csv');

--! case late rows are left out
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR))
GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 3600
--| 2026-01-01 01:00:00 | 3600
--| 2026-01-01 02:00:00 | 2799

--! case or go into a table
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR))
GROUP BY window_start, window_end LATE DATA TO late;

--! then
SELECT * FROM late;

--! rows
--| 2026-01-01 00:00:00 | 3600
--| 2026-01-01 01:00:00 | 3600
--| 2026-01-01 02:00:00 | 2799
--| 9000 | 2026-01-01 00:00:05 | late

--! case those of sessions too, and a HAVING stands behind
SELECT item, window_start, COUNT(*) AS n FROM TABLE(SESSION(TABLE bids PARTITION BY item, DESCRIPTOR(ts), INTERVAL '5' SECOND)) AS w
GROUP BY window_start, window_end, item LATE DATA TO late HAVING COUNT(*) > 0;

--! then
SELECT item, n FROM late;

--! rows
--| x | 2026-01-01 00:00:00 | 9999
--| late | 9000

--! case a row is late when all of its windows are out
SELECT window_start, COUNT(*) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '5' HOUR))
WHERE n > 8990 GROUP BY window_start, window_end LATE DATA TO late;

--! then
SELECT item, n FROM late;

--! rows
--| 2025-12-31 22:00:00 | 1009
--| 2025-12-31 23:00:00 | 1009
--| 2026-01-01 00:00:00 | 1009
--| 2026-01-01 01:00:00 | 1008
--| 2026-01-01 02:00:00 | 1008
