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
