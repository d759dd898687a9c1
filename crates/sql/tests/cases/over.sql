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
--! datafusion differs: rows of one time are in another order
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

--! case no partition
SELECT item, price, SUM(price) OVER (ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM bids WHERE price <> 9;

--! rows
--| a | 1 | 1
--| a | 3 | 11
--| a | 4 | 15
--| a | 6 | 21
--| b | 2 | 3
--| b | 5 | 8

--! case a range without an end sees rows of its time
SELECT item, price, COUNT(*) OVER (PARTITION BY item ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM bids;

--! rows
--| a | 1 | 1
--| a | 3 | 2
--| a | 4 | 4
--| a | 6 | 5
--| a | 9 | 4
--| b | 2 | 1
--| b | 5 | 2

--! case of minutes, hours and days
SELECT price, COUNT(*) OVER (PARTITION BY item ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS m,
  SUM(price) OVER (PARTITION BY item ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS s FROM bids;

--! rows
--| 1 | 1 | 1
--| 2 | 1 | 2
--| 3 | 2 | 4
--| 4 | 4 | 17
--| 5 | 2 | 7
--| 6 | 5 | 23
--| 9 | 4 | 17

--! case the current row alone
SELECT price, SUM(price) OVER (PARTITION BY item ORDER BY ts ROWS BETWEEN CURRENT ROW AND CURRENT ROW) FROM bids;

--! flink differs: it has no such frame
--! rows
--| 1 | 1
--| 2 | 2
--| 3 | 3
--| 4 | 4
--| 5 | 5
--| 6 | 6
--| 9 | 9

--! case smallest, first, last and mean
SELECT item, price, MIN(price) OVER w AS a, FIRST_VALUE(price) OVER w AS b, LAST_VALUE(price) OVER w AS c, AVG(price) OVER w AS d
FROM bids WINDOW w AS (PARTITION BY item ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW);

--! rows
--| a | 1 | 1 | 1 | 1 | 1
--| a | 3 | 1 | 1 | 3 | 2
--| a | 4 | 1 | 1 | 4 | 2
--| a | 6 | 4 | 4 | 6 | 6
--| a | 9 | 3 | 3 | 9 | 5
--| b | 2 | 2 | 2 | 2 | 2
--| b | 5 | 2 | 2 | 5 | 3

--! case deviation and distinct counts
SELECT item, price, VAR_POP(price) OVER w AS d, COUNT(DISTINCT item) OVER w AS n
FROM bids WINDOW w AS (PARTITION BY price > 2 ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

--! rows
--| a | 1 | 0 | 1
--| a | 3 | 1 | 2
--| a | 4 | 0 | 1
--| a | 6 | 2 | 1
--| a | 9 | 6 | 1
--| b | 2 | 0 | 2
--| b | 5 | 0 | 1

--! case row numbers
SELECT item, price, ROW_NUMBER() OVER (PARTITION BY item ORDER BY ts) AS n FROM bids WHERE price <> 9;

--! rows
--| a | 1 | 1
--| a | 3 | 2
--| a | 4 | 3
--| a | 6 | 4
--| b | 2 | 1
--| b | 5 | 2

--! case over an expression of the key, below a filter
SELECT * FROM (SELECT price, SUM(price) OVER (PARTITION BY price % 2 ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM bids) WHERE s > 6;

--! rows
--| 3 | 8
--| 6 | 10
--| 9 | 12

--! case over the rows of windows
SELECT window_start, n, SUM(n) OVER (ORDER BY window_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (
  SELECT window_start, window_time, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time);

--! rows
--| 2026-01-01 00:00:00 | 4 | 4
--| 2026-01-01 00:00:10 | 2 | 6
--| 2026-01-01 00:00:20 | 1 | 3

--! case over revised rows
SELECT item, SUM(n) OVER (ORDER BY item) FROM (SELECT item, COUNT(*) AS n FROM bids GROUP BY item);

--! rows
--| error: TM-SQL-0004: OVER needs rows that are not revised; use it before the aggregation or join that revises them

--! case rows that follow
SELECT SUM(price) OVER (ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) FROM bids;

--! rows
--| error: TM-SQL-0004: OVER (ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) is not built; a frame reaches from UNBOUNDED or n PRECEDING to CURRENT ROW

--! case of a descending time
SELECT SUM(price) OVER (ORDER BY ts DESC) FROM bids;
--! rows
--| error: TM-SQL-0004: OVER needs ORDER BY an ascending time column; order by the column that has a WATERMARK, or by one that is PROCTIME()
