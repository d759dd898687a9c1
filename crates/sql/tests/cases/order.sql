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

--! case the first rows in the standard's words
SELECT item, price FROM bids ORDER BY price DESC FETCH FIRST 2 ROWS ONLY;

--! rows
--| a | 3
--| b | 2

--! case the next rows in the standard's words
SELECT item, price FROM bids ORDER BY price DESC OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY;

--! rows
--| b | 2

--! case the first rows with those that are equal
SELECT item, price FROM bids ORDER BY price DESC FETCH FIRST 2 ROWS WITH TIES;
--! rows
--| error: TM-SQL-0004: FETCH FIRST … WITH TIES and … PERCENT are not built; write FETCH FIRST n ROWS ONLY

--! case a plan, and how its rows are revised
--! flink differs: its plan is another one
EXPLAIN CHANGELOG_MODE SELECT item, COUNT(*) FROM bids GROUP BY item;

--! rows
--| sink terminal: rows to the terminal; revises rows
--|   calc-2: select k0@0 AS item, a0@1 AS count(Int64(1)), select item, count(Int64(1))@1 AS EXPR$1; revises rows
--|     group aggregate: count(Int64(1)); by bids.item; keeps a result a key; revises rows
--|       calc: select item@0 AS c0, key by [0]
--|         source bids: filesystem: item; replays, ends; keeps positions

--! case the plan of a statement set
--! flink differs: its plan is another one
CREATE TABLE nowhere (item STRING) WITH ('connector' = 'blackhole');
EXPLAIN STATEMENT SET BEGIN INSERT INTO nowhere SELECT item FROM bids; INSERT INTO nowhere SELECT UPPER(item) FROM bids; END;

--! rows
--| sink nowhere: blackhole: exactly once by key
--|   calc: select item
--|     source bids: filesystem: item; replays, ends; keeps positions
--| sink nowhere-2: blackhole: exactly once by key
--|   calc-2: select upper(item@0) AS EXPR$0, select EXPR$0@0 AS item
--|     source bids: filesystem: item; replays, ends; keeps positions

--! case what a plan would cost
EXPLAIN ESTIMATED_COST SELECT item FROM bids;

--! rows
--| error: TM-SQL-0004: EXPLAIN ESTIMATED_COST is not built; write EXPLAIN, or EXPLAIN ANALYZE to run it and see what each operator did

--! case columns of a table
--! flink differs: it has other columns about columns
SHOW COLUMNS FROM bids;
DESCRIBE EXTENDED bids;

--! rows
--| item | STRING | true |  |  |  |
--| price | INT | true |  |  |  |
--| ts | TIMESTAMP(3) | true |  |  | ts - INTERVAL '20' SECOND |
--| item | STRING | true |  |  |  |
--| price | INT | true |  |  |  |
--| ts | TIMESTAMP(3) | true |  |  | ts - INTERVAL '20' SECOND |
