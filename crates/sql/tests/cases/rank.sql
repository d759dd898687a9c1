-- ROW_NUMBER(): top-n and de-duplication.

--! file bids.csv
--| a,1,2026-01-01 00:00:01
--| b,2,2026-01-01 00:00:02
--| a,3,2026-01-01 00:00:09
--| a,4,2026-01-01 00:00:10
--| b,5,2026-01-01 00:00:08
--| a,2,2026-01-01 00:00:25
--| c,7,2026-01-01 00:00:31

--! setup
CREATE TABLE bids (item STRING, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');

--! case the two best of each item
SELECT item, price, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 2;

--! rows
--| a | 3 | 2
--| a | 4 | 1
--| b | 2 | 2
--| b | 5 | 1
--| c | 7 | 1

--! case without the number
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 2;

--! rows
--| a | 3
--| a | 4
--| b | 2
--| b | 5
--| c | 7

--! case the second and third
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price) AS rn FROM bids) WHERE rn BETWEEN 2 AND 3;

--! rows
--| a | 2
--| a | 3
--| b | 5

--! case the best of all
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY price DESC, item) AS rn FROM bids) WHERE rn < 4;

--! rows
--| a | 4
--| b | 5
--| c | 7

--! case the first row of each item
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY ts) AS rn FROM bids) WHERE rn = 1;

--! rows
--| a | 1
--| b | 2
--| c | 7

--! case the last row of each item
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY ts DESC) AS rn FROM bids) WHERE rn = 1;

--! rows
--| a | 2
--| b | 5
--| c | 7

--! case the best of sums
SELECT item, total FROM (SELECT item, total, ROW_NUMBER() OVER (ORDER BY total DESC) AS rn FROM (SELECT item, SUM(price) AS total FROM bids GROUP BY item)) WHERE rn = 1;

--! rows
--| a | 10

--! case with another condition
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 2 AND price > 2;

--! rows
--| a | 3
--| a | 4
--| b | 5
--| c | 7

--! case a rank without an end
SELECT item, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids) WHERE rn > 2;
--! rows
--| error: TM-SQL-0004: ROW_NUMBER() without a largest number keeps every row for ever; filter it by a largest one: WHERE rn <= 10

--! case the two best of each window
SELECT window_start, item, price, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS rn
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)))
WHERE rn <= 2;

--! rows
--| 2026-01-01 00:00:00 | a | 3 | 2
--| 2026-01-01 00:00:00 | b | 5 | 1
--| 2026-01-01 00:00:10 | a | 4 | 1
--| 2026-01-01 00:00:20 | a | 2 | 1
--| 2026-01-01 00:00:30 | c | 7 | 1

--! case the second of each item in windows that overlap
SELECT window_start, window_end, item, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, item ORDER BY price) AS rn
  FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND)))
WHERE rn = 2;

--! rows
--| 2025-12-31 23:59:50 | 2026-01-01 00:00:10 | a | 3
--| 2025-12-31 23:59:50 | 2026-01-01 00:00:10 | b | 5
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:20 | a | 3
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:20 | b | 5
--| 2026-01-01 00:00:10 | 2026-01-01 00:00:30 | a | 4

--! case the best sum of each window
SELECT window_start, window_end, item, total FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rn FROM (
    SELECT window_start, window_end, item, SUM(price) AS total
    FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, item))
WHERE rn <= 1;

--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | b | 7
--| 2026-01-01 00:00:10 | 2026-01-01 00:00:20 | a | 4
--| 2026-01-01 00:00:20 | 2026-01-01 00:00:30 | a | 2
--| 2026-01-01 00:00:30 | 2026-01-01 00:00:40 | c | 7

--! case the best pair of each window join
SELECT window_start, item, low, high FROM (
  SELECT l.window_start, l.item, l.price AS low, r.price AS high,
    ROW_NUMBER() OVER (PARTITION BY l.window_start, l.window_end ORDER BY r.price DESC, l.price) AS rn
  FROM (SELECT * FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND))) AS l
  JOIN (SELECT * FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND))) AS r
  ON l.window_start = r.window_start AND l.window_end = r.window_end AND l.item = r.item)
WHERE rn = 1;

--! rows
--| 2026-01-01 00:00:00 | b | 2 | 5
--| 2026-01-01 00:00:20 | c | 7 | 7

--! case the first row of each item in a window
SELECT window_start, item, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, item ORDER BY ts) AS rn
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND)))
WHERE rn = 1;

--! rows
--| 2026-01-01 00:00:00 | a | 1
--| 2026-01-01 00:00:00 | b | 2
--| 2026-01-01 00:00:20 | a | 2
--| 2026-01-01 00:00:20 | c | 7

--! case the last row of each item in a window
SELECT window_start, item, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, item ORDER BY ts DESC) AS rn
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND)))
WHERE rn = 1;

--! rows
--| 2026-01-01 00:00:00 | a | 4
--| 2026-01-01 00:00:00 | b | 5
--| 2026-01-01 00:00:20 | a | 2
--| 2026-01-01 00:00:20 | c | 7

--! case windows of the best of windows
SELECT window_start, COUNT(*), SUM(price) FROM TABLE(TUMBLE((
  SELECT item, price, window_time FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS rn
    FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)))
  WHERE rn = 1), DESCRIPTOR(window_time), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 4 | 18

--! case the best of a window revises nothing
--! flink differs: these are no rows of a query, so that they are not compared
EXPLAIN SELECT item, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, item ORDER BY price DESC) AS rn
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)))
WHERE rn <= 2;

--! rows
--| sink terminal: rows to the terminal
--|   calc-2: select item, price, window_start, window_end, NULL AS row_number() PARTITION BY [bids.window_start, bids.window_end, bids.item] ORDER BY [bids.price DESC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, select item, price, row_number() PARTITION BY [bids.window_start, bids.window_end, bids.item] ORDER BY [bids.price DESC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, select item, price
--|     window top-n: ranks 1 to 2 by price; by window_start, window_end, item; keeps the best rows of a key, until the window ends
--|       calc: select item, price, window_start, window_end, key by [2, 3, 0]
--|         window: Tumble { size: 10000000, offset: 0 } by ts
--|           source bids: filesystem: item, price, ts; replays, ends; keeps positions

--! case ranks that only begin with a window are revised
--! flink differs: these are no rows of a query, so that they are not compared
EXPLAIN SELECT item, price FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, item ORDER BY price DESC) AS rn
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)))
WHERE rn <= 2;

--! rows
--| sink terminal: rows to the terminal; revises rows
--|   calc-2: select item, price, window_start, NULL AS row_number() PARTITION BY [bids.window_start, bids.item] ORDER BY [bids.price DESC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, select item, price, row_number() PARTITION BY [bids.window_start, bids.item] ORDER BY [bids.price DESC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, select item, price; revises rows
--|     top-n: ranks 1 to 2 by price; by window_start, item; keeps the best rows of a key; revises rows
--|       calc: select item, price, window_start, key by [2, 0]
--|         window: Tumble { size: 10000000, offset: 0 } by ts
--|           source bids: filesystem: item, price, ts; replays, ends; keeps positions

--! case ranks of a view with another order for equals
SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC, ts ASC) AS rn FROM bids) WHERE rn <= 1;

--! flink differs: 2.3 takes this top-1 for one that never revises, and does not take back the rows that were outbid; its last row of each item is ours
--! rows
--| a | 4
--| b | 5
--| c | 7

--! case the best of each, counted
SELECT COUNT(*), SUM(price) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 2;

--! rows
--| 5 | 21

--! case the worst of revised rows
SELECT item, n FROM (SELECT item, n, ROW_NUMBER() OVER (ORDER BY n ASC, item ASC) AS rn FROM (SELECT item, COUNT(*) AS n FROM bids GROUP BY item)) WHERE rn = 1;

--! rows
--| c | 1

--! case last rows joined
SELECT a.item, a.price, b.n FROM (SELECT item, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY ts DESC) AS rn FROM bids) WHERE rn = 1) AS a
JOIN (SELECT item, COUNT(*) AS n FROM bids GROUP BY item) AS b ON a.item = b.item;
--! rows
--| a | 2 | 4
--| b | 5 | 2
--| c | 7 | 1

--! case ranks in QUALIFY
SELECT item, price FROM bids QUALIFY ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) = 1;

--! rows
--| a | 4
--| b | 5
--| c | 7

--! case ranks of windows in QUALIFY
SELECT window_start, item, price FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
QUALIFY ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) <= 1;
--! rows
--| 2026-01-01 00:00:00 | b | 5
--| 2026-01-01 00:00:10 | a | 4
--| 2026-01-01 00:00:20 | a | 2
--| 2026-01-01 00:00:30 | c | 7

--! case ranks that are equal
SELECT item, rn FROM (SELECT *, RANK() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 2;

--! rows
--| error: TM-SQL-0004: RANK is not built; write ROW_NUMBER() OVER (…) AS rn, and WHERE rn <= 10 around it

--! case ranks without an end
SELECT item, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC) AS rn FROM bids;
--! rows
--| error: TM-SQL-0004: ROW_NUMBER by other columns than a time goes on for ever; keep the best rows: SELECT … FROM (…) WHERE rn <= 10
