-- ORDER BY and LIMIT.

--! file bids.csv
--| a,1,2026-01-01 00:00:01
--| b,2,2026-01-01 00:00:02
--| a,3,2026-01-01 00:00:09

--! setup
CREATE TABLE bids (item STRING, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');
CREATE TABLE endless (item STRING, price INT) WITH ('connector' = 'datagen');

--! case the dearest
SELECT item, price FROM bids ORDER BY price DESC LIMIT 1;
--! rows
--| a | 3

--! case the dearest but one
SELECT item, price FROM bids ORDER BY price DESC LIMIT 1 OFFSET 1;
--! rows
--| b | 2

--! case the largest sum
SELECT item, SUM(price) AS s FROM bids GROUP BY item ORDER BY s DESC LIMIT 1;
--! rows
--| a | 4

--! case by time
SELECT item FROM bids ORDER BY ts, price DESC;
--! rows
--| a
--| a
--| b

--! case a stream without an end has no order
SELECT item FROM endless ORDER BY price;
--! rows
--| error: TM-SQL-0004: ORDER BY of a stream that goes on would wait for ever; order by its time column first, add LIMIT, or cut it by windows
