-- What can't be said of late rows, and early results.

--! file bids.csv
--| a,1,2026-01-01 00:00:01
--| b,2,2026-01-01 00:00:12
--| a,3,2026-01-01 00:00:25
--| a,4,2026-01-01 00:00:03
--| b,5,2026-01-01 00:00:27
--| c,6,2026-01-01 00:00:14
--| a,7,2026-01-01 00:00:45

--! setup
CREATE TABLE bids (item STRING, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');
CREATE TABLE late (price INT, ts TIMESTAMP(3), item STRING)
  WITH ('connector' = 'filesystem', 'path' = 'late', 'format' = 'csv');

--! case late rows explained
--! flink differs: these are no rows of a query, so that they are not compared
EXPLAIN SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE price > 1 GROUP BY window_start, window_end LATE DATA TO late;

--! rows
--| sink late: filesystem: exactly once
--|   calc-2: select c0@0 AS price, c1@1 AS ts, c2@2 AS item, select price, ts, item
--|     window aggregate: Tumble { size: 10000000, offset: 0 }: count(Int64(1)), late rows to 'late'; keeps a result a key and slice, until its windows end
--|       calc: where price@1 > 1, select item, price, ts, NULL AS window_start, NULL AS window_end, NULL AS window_time, select item, price, ts, window_start, window_end, select price@1 AS c0, ts@2 AS c1, item@0 AS c2, key by []
--|         source bids: filesystem: item, price, ts; replays, ends; keeps positions
--| sink terminal: rows to the terminal
--|   calc-3: select start@1 AS window_start, end@2 AS window_end, a0@0 AS count(Int64(1)), select window_start, window_end, NULL AS __late_data(Utf8("late"),bids.price,bids.ts,bids.item), count(Int64(1)), select window_start, count(Int64(1))@3 AS EXPR$1
--|     window aggregate: Tumble { size: 10000000, offset: 0 }: count(Int64(1)), late rows to 'late'; keeps a result a key and slice, until its windows end
--|       calc: where price@1 > 1, select item, price, ts, NULL AS window_start, NULL AS window_end, NULL AS window_time, select item, price, ts, window_start, window_end, select price@1 AS c0, ts@2 AS c1, item@0 AS c2, key by []
--|         source bids: filesystem: item, price, ts; replays, ends; keeps positions

--! case late rows of another shape
CREATE TABLE shape (item STRING, prize INT) WITH ('connector' = 'blackhole');
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end LATE DATA TO shape;

--! rows
--| error: TM-SQL-0002: late rows go into 'shape' by the names of columns, and have no 'prize'; did you mean 'price'?

--! case late rows of another type
CREATE TABLE shape (item INT) WITH ('connector' = 'blackhole');
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end LATE DATA TO shape;

--! rows
--| error: TM-SQL-0003: column 'item' is STRING, column 'item' of table 'shape' is INT; write CAST(item AS INT)

--! case late rows have no window
CREATE TABLE shape (item STRING, window_start TIMESTAMP(3)) WITH ('connector' = 'blackhole');
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end LATE DATA TO shape;

--! rows
--| error: TM-SQL-0002: late rows go into 'shape' by the names of columns, and have no 'window_start'; they have item, price, ts

--! case late rows into no table
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end LATE DATA TO latte;

--! rows
--| error: TM-SQL-0002: there is no table or view 'latte'; did you mean 'late'?

--! case late rows without a window
SELECT item, COUNT(*) FROM bids GROUP BY item LATE DATA TO late;

--! rows
--| error: TM-SQL-0004: LATE DATA TO is for the aggregation of TUMBLE, HOP, CUMULATE or SESSION; group by window_start and window_end of the window function, and compute with them behind the aggregation

--! case late rows of processing time
CREATE TABLE now_bids (item STRING, price INT, ts TIMESTAMP(3), p AS PROCTIME())
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE now_bids, DESCRIPTOR(p), INTERVAL '10' SECOND))
GROUP BY window_start, window_end LATE DATA TO late;

--! rows
--| error: TM-SQL-0004: no row is late for a window of processing time; leave LATE DATA TO out

--! case late rows of no aggregation
SELECT item FROM bids LATE DATA TO late;

--! rows
--| error: TM-SQL-0001: LATE DATA TO stands behind the columns of a GROUP BY; write GROUP BY window_start, window_end, … LATE DATA TO table

--! case late rows in a view
CREATE VIEW sums AS SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end LATE DATA TO late;

--! rows
--| error: TM-SQL-0004: a view with LATE DATA TO would send late rows for each of its readers; write LATE DATA TO in the query of an INSERT or SELECT

--! case early results are revised
--! flink differs: 2.3 has no early results of window functions
SET 'table.exec.emit.early-fire.enabled' = 'true';
SET 'table.exec.emit.early-fire.delay' = '1 ms';
SELECT window_start, item, SUM(price), COUNT(*) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
GROUP BY window_start, window_end, item;

--! rows
--| 2025-12-31 23:59:40 | a | 5 | 2
--| 2025-12-31 23:59:50 | a | 5 | 2
--| 2025-12-31 23:59:50 | b | 2 | 1
--| 2025-12-31 23:59:50 | c | 6 | 1
--| 2026-01-01 00:00:00 | a | 8 | 3
--| 2026-01-01 00:00:00 | b | 7 | 2
--| 2026-01-01 00:00:00 | c | 6 | 1
--| 2026-01-01 00:00:10 | a | 3 | 1
--| 2026-01-01 00:00:10 | b | 7 | 2
--| 2026-01-01 00:00:10 | c | 6 | 1
--| 2026-01-01 00:00:20 | a | 10 | 2
--| 2026-01-01 00:00:20 | b | 5 | 1
--| 2026-01-01 00:00:30 | a | 7 | 1
--| 2026-01-01 00:00:40 | a | 7 | 1

--! case an aggregation of early results
--! flink differs: 2.3 has no early results of window functions
SET 'table.exec.emit.early-fire.enabled' = 'true';
SET 'table.exec.emit.early-fire.delay' = '1 ms';
SELECT window_start, MAX(total), COUNT(*) FROM (
  SELECT window_start, window_end, item, SUM(price) AS total FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end, item)
GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 5 | 1
--| 2026-01-01 00:00:10 | 6 | 2
--| 2026-01-01 00:00:20 | 5 | 2
--| 2026-01-01 00:00:40 | 7 | 1

--! case early results explained
--! flink differs: these are no rows of a query, so that they are not compared
SET 'table.exec.emit.early-fire.enabled' = 'true';
EXPLAIN SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

--! rows
--| sink terminal: rows to the terminal; revises rows
--|   calc-2: select start@1 AS window_start, end@2 AS window_end, a0@0 AS count(Int64(1)), select window_start, count(Int64(1))@2 AS EXPR$1; revises rows
--|     window aggregate: Tumble { size: 10000000, offset: 0 }: count(Int64(1)), early results every 1s; keeps a result a key and slice, until its windows end; revises rows
--|       calc: select ts, NULL AS window_start, NULL AS window_end, NULL AS window_time, select window_start, window_end, select , key by []
--|         source bids: filesystem: ts; replays, ends; keeps positions

--! case early results of sessions
SET 'table.exec.emit.early-fire.enabled' = 'true';
SELECT COUNT(*) FROM TABLE(SESSION(TABLE bids PARTITION BY item, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, item;

--! rows
--| error: TM-SQL-0004: early results of sessions are not built; SET 'table.exec.emit.early-fire.enabled' = 'false'

--! case early results into a table that takes inserts only
SET 'table.exec.emit.early-fire.enabled' = 'true';
INSERT INTO late SELECT COUNT(*), window_time, 'x' FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, window_time;

--! rows
--| error: TM-SQL-0004: table 'late' takes inserts only, but window aggregate revises rows that it has put out; insert into a table with a primary key that can be upserted, write a format that holds changes, or make the query append-only by a window
