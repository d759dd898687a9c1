-- OVER.

--! file bids.csv
--| a,1,2026-01-01 00:00:01
--| b,2,2026-01-01 00:00:02
--| a,3,2026-01-01 00:00:09
--| a,4,2026-01-01 00:00:10
--| b,5,2026-01-01 00:00:08
--| a,6,2026-01-01 00:00:25
--| a,9,2026-01-01 00:00:10

--! setup
CREATE TABLE bids (item STRING, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');

--! case a running sum
SELECT item, price, SUM(price) OVER (PARTITION BY item ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM bids;
--! rows
--| a | 1 | 1
--| a | 3 | 4
--| a | 4 | 8
--| a | 6 | 23
--| a | 9 | 17
--| b | 2 | 2
--| b | 5 | 7

--! case the last two rows
SELECT item, price, SUM(price) OVER w AS s, COUNT(*) OVER w AS n FROM bids WINDOW w AS (PARTITION BY item ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);
--! rows
--| a | 1 | 1 | 1
--| a | 3 | 4 | 2
--| a | 4 | 7 | 2
--| a | 6 | 15 | 2
--| a | 9 | 13 | 2
--| b | 2 | 2 | 1
--| b | 5 | 7 | 2

--! case the last ten seconds
SELECT item, price, MAX(price) OVER (PARTITION BY item ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) FROM bids;
--! rows
--| a | 1 | 1
--| a | 3 | 3
--| a | 4 | 9
--| a | 6 | 6
--| a | 9 | 9
--| b | 2 | 2
--| b | 5 | 5

--! case the row before
SELECT item, price, LAG(price) OVER (PARTITION BY item ORDER BY ts) AS before, LAG(price, 2, 0) OVER (PARTITION BY item ORDER BY ts) AS before_that FROM bids;
--! rows
--| a | 1 | NULL | 0
--| a | 3 | 1 | 0
--| a | 4 | 4 | 3
--| a | 6 | 9 | 4
--| a | 9 | 4 | 3
--| b | 2 | NULL | 0
--| b | 5 | 2 | 0

--! case all rows of one time see each other
SELECT price, COUNT(*) OVER (ORDER BY ts) FROM bids;
--! rows
--| 1 | 1
--| 2 | 2
--| 3 | 4
--| 4 | 6
--| 5 | 3
--| 6 | 7
--| 9 | 6

--! case two frames
--! flink differs: all OVER of a query must have the same window there
SELECT price, SUM(price) OVER (PARTITION BY item ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a, COUNT(*) OVER (ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS b FROM bids WHERE item = 'a';
--! rows
--| 1 | 1 | 1
--| 3 | 4 | 2
--| 4 | 7 | 3
--| 6 | 15 | 5
--| 9 | 13 | 4

--! case OVER needs a time
SELECT SUM(price) OVER (PARTITION BY item ORDER BY price) FROM bids;
--! rows
--| error: TM-SQL-0004: OVER needs ORDER BY an ascending time column; order by the column that has a WATERMARK, or by one that is PROCTIME()

--! case two frames in one query
SELECT item, price, SUM(price) OVER (PARTITION BY item ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), COUNT(*) OVER (PARTITION BY item ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM bids WHERE item = 'a';

--! flink differs: all OVER of a query must have the same window there
--! rows
--| a | 1 | 1 | 1
--| a | 3 | 4 | 2
--| a | 4 | 7 | 3
--| a | 6 | 15 | 3
--| a | 9 | 13 | 3
