-- Windows of event time.

--! file bids.csv
--| a,1,2026-01-01 00:00:01
--| b,2,2026-01-01 00:00:02
--| a,3,2026-01-01 00:00:09.999
--| a,4,2026-01-01 00:00:10
--| b,5,2026-01-01 00:00:08
--| a,6,2026-01-01 00:00:25
--| b,7,2026-01-01 00:00:31
--| a,8,2026-01-01 00:00:58

--! setup
CREATE TABLE bids (item STRING, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv');

--! case tumble
SELECT window_start, window_end, item, COUNT(*), SUM(price)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, item;

--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | a | 2 | 4
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | b | 2 | 7
--| 2026-01-01 00:00:10 | 2026-01-01 00:00:20 | a | 1 | 4
--| 2026-01-01 00:00:20 | 2026-01-01 00:00:30 | a | 1 | 6
--| 2026-01-01 00:00:30 | 2026-01-01 00:00:40 | b | 1 | 7
--| 2026-01-01 00:00:50 | 2026-01-01 00:01:00 | a | 1 | 8

--! case tumble without a key, with its time
SELECT window_time, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECONDS)) GROUP BY window_start, window_end, window_time;

--! rows
--| 2026-01-01 00:00:29.999 | 6
--| 2026-01-01 00:00:59.999 | 2

--! case tumble with an offset
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '3' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2025-12-31 23:59:53 | 2
--| 2026-01-01 00:00:03 | 3
--| 2026-01-01 00:00:23 | 2
--| 2026-01-01 00:00:53 | 1

--! case hop
SELECT window_start, window_end, SUM(price) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2025-12-31 23:59:50 | 2026-01-01 00:00:10 | 11
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:20 | 15
--| 2026-01-01 00:00:10 | 2026-01-01 00:00:30 | 10
--| 2026-01-01 00:00:20 | 2026-01-01 00:00:40 | 13
--| 2026-01-01 00:00:30 | 2026-01-01 00:00:50 | 7
--| 2026-01-01 00:00:40 | 2026-01-01 00:01:00 | 8
--| 2026-01-01 00:00:50 | 2026-01-01 00:01:10 | 8

--! case hop by names
SELECT window_start, COUNT(*) FROM TABLE(HOP(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '20' SECOND, SIZE => INTERVAL '40' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2025-12-31 23:59:40 | 5
--| 2026-01-01 00:00:00 | 7
--| 2026-01-01 00:00:20 | 3
--| 2026-01-01 00:00:40 | 1

--! case cumulate
SELECT window_start, window_end, SUM(price) FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | 11
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:20 | 15
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | 21
--| 2026-01-01 00:00:30 | 2026-01-01 00:00:40 | 7
--| 2026-01-01 00:00:30 | 2026-01-01 00:00:50 | 7
--| 2026-01-01 00:00:30 | 2026-01-01 00:01:00 | 15

--! case a filter and a projection below
SELECT window_end, item, MAX(double_price) FROM (
  SELECT item, price * 2 AS double_price, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) WHERE price > 2
) GROUP BY window_start, window_end, item;

--! rows
--| 2026-01-01 00:01:00 | a | 16
--| 2026-01-01 00:01:00 | b | 14

--! case the rows with their windows
SELECT item, price, window_start, window_end, window_time FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND)) WHERE item = 'b';

--! rows
--| b | 2 | 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | 2026-01-01 00:00:29.999
--| b | 5 | 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | 2026-01-01 00:00:29.999
--| b | 7 | 2026-01-01 00:00:30 | 2026-01-01 00:01:00 | 2026-01-01 00:00:59.999

--! case a row in each of its hopping windows
SELECT price, window_start FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND)) WHERE price = 1;

--! rows
--| 1 | 2025-12-31 23:59:50
--| 1 | 2026-01-01 00:00:00

--! case a window over a window
CREATE VIEW small AS SELECT window_time AS t, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time;
SELECT window_start, window_end, SUM(n) FROM TABLE(TUMBLE(TABLE small, DESCRIPTOR(t), INTERVAL '30' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | 6
--| 2026-01-01 00:00:30 | 2026-01-01 00:01:00 | 2

--! case an aggregation of the same windows again
SELECT window_start, MAX(n) FROM (
  SELECT window_start, window_end, item, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, item
) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 2
--| 2026-01-01 00:00:10 | 1
--| 2026-01-01 00:00:20 | 1
--| 2026-01-01 00:00:30 | 1
--| 2026-01-01 00:00:50 | 1

--! case distinct rows of a window
SELECT DISTINCT window_start, window_end, item FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND));

--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | a
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | b
--| 2026-01-01 00:00:30 | 2026-01-01 00:01:00 | a
--| 2026-01-01 00:00:30 | 2026-01-01 00:01:00 | b

--! case a view that is cut by windows
CREATE VIEW a_bids AS SELECT price AS cost, ts AS placed FROM bids WHERE item = 'a';
SELECT window_start, SUM(cost) FROM TABLE(TUMBLE(TABLE a_bids, DESCRIPTOR(placed), INTERVAL '30' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 14
--| 2026-01-01 00:00:30 | 8

--! case windows need a time column
SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(price), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

--! rows
--| error: TM-SQL-0003: windows need a column of event or processing time: 'price' is INT

--! case windows need the time column itself
CREATE VIEW shifted AS SELECT ts + INTERVAL '1' HOUR AS later FROM bids;
SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE shifted, DESCRIPTOR(later), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

--! rows
--| error: TM-SQL-0004: windows need a time column, and 'later' is only a TIMESTAMP; declare WATERMARK FOR it in CREATE TABLE, and select it as it is

--! case an unknown time column
SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(tss), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

--! rows
--| error: TM-SQL-0002: there is no column 'tss'; did you mean 'ts'?

--! case months have no length
SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MONTH)) GROUP BY window_start, window_end;

--! rows
--| error: TM-SQL-0003: expected an interval of days or less, found: INTERVAL '1' MONTH; write INTERVAL '10' MINUTE

--! case an unknown table function
SELECT * FROM TABLE(TUMBEL(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND));
--! rows
--| error: TM-SQL-0002: there is no table function TUMBEL; there are TUMBLE, HOP, CUMULATE and SESSION

--! case sessions
SELECT item, window_start, window_end, COUNT(*), SUM(price) FROM TABLE(SESSION(TABLE bids PARTITION BY item, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY item, window_start, window_end;
--! rows
--| a | 2026-01-01 00:00:01 | 2026-01-01 00:00:20 | 3 | 8
--| a | 2026-01-01 00:00:25 | 2026-01-01 00:00:35 | 1 | 6
--| a | 2026-01-01 00:00:58 | 2026-01-01 00:01:08 | 1 | 8
--| b | 2026-01-01 00:00:02 | 2026-01-01 00:00:18 | 2 | 7
--| b | 2026-01-01 00:00:31 | 2026-01-01 00:00:41 | 1 | 7

--! case sessions of all rows
SELECT window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
--! rows
--| 2026-01-01 00:00:01 | 2026-01-01 00:00:20 | 5
--| 2026-01-01 00:00:25 | 2026-01-01 00:00:41 | 2
--| 2026-01-01 00:00:58 | 2026-01-01 00:01:08 | 1

--! case sessions by other columns
SELECT item, COUNT(*) FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY item, window_start, window_end;
--! rows
--| error: TM-SQL-0004: sessions must be grouped by the columns that they are PARTITION BY, and no others; write SESSION(TABLE t PARTITION BY k, …) and GROUP BY window_start, window_end, k

--! case grouping sets in windows
SELECT window_start, item, GROUPING(item) AS total, COUNT(*), SUM(price)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND))
GROUP BY window_start, window_end, GROUPING SETS ((item), ());

--! rows
--| 2026-01-01 00:00:00 | NULL | 1 | 6 | 21
--| 2026-01-01 00:00:00 | a | 0 | 4 | 14
--| 2026-01-01 00:00:00 | b | 0 | 2 | 7
--| 2026-01-01 00:00:30 | NULL | 1 | 2 | 15
--| 2026-01-01 00:00:30 | a | 0 | 1 | 8
--| 2026-01-01 00:00:30 | b | 0 | 1 | 7

--! case a cube in windows that overlap
SELECT window_end, item, price > 3 AS dear, COUNT(*)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '60' SECOND))
GROUP BY window_start, window_end, CUBE (item, price > 3);

--! rows
--| 2026-01-01 00:00:30 | NULL | NULL | 6
--| 2026-01-01 00:00:30 | NULL | false | 3
--| 2026-01-01 00:00:30 | NULL | true | 3
--| 2026-01-01 00:00:30 | a | NULL | 4
--| 2026-01-01 00:00:30 | a | false | 2
--| 2026-01-01 00:00:30 | a | true | 2
--| 2026-01-01 00:00:30 | b | NULL | 2
--| 2026-01-01 00:00:30 | b | false | 1
--| 2026-01-01 00:00:30 | b | true | 1
--| 2026-01-01 00:01:00 | NULL | NULL | 8
--| 2026-01-01 00:01:00 | NULL | false | 3
--| 2026-01-01 00:01:00 | NULL | true | 5
--| 2026-01-01 00:01:00 | a | NULL | 5
--| 2026-01-01 00:01:00 | a | false | 2
--| 2026-01-01 00:01:00 | a | true | 3
--| 2026-01-01 00:01:00 | b | NULL | 3
--| 2026-01-01 00:01:00 | b | false | 1
--| 2026-01-01 00:01:00 | b | true | 2
--| 2026-01-01 00:01:30 | NULL | NULL | 2
--| 2026-01-01 00:01:30 | NULL | true | 2
--| 2026-01-01 00:01:30 | a | NULL | 1
--| 2026-01-01 00:01:30 | a | true | 1
--| 2026-01-01 00:01:30 | b | NULL | 1
--| 2026-01-01 00:01:30 | b | true | 1

--! case grouping sets of windows that are not in all of them
SELECT item, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND))
GROUP BY GROUPING SETS ((window_start, window_end), (item));
--! rows
--| error: TM-SQL-0004: the windows of a window function must be grouped by; write GROUP BY window_start, window_end, …

--! case hop with an offset
SELECT window_start, window_end, COUNT(*) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND, INTERVAL '3' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2025-12-31 23:59:43 | 2026-01-01 00:00:03 | 2
--| 2025-12-31 23:59:53 | 2026-01-01 00:00:13 | 5
--| 2026-01-01 00:00:03 | 2026-01-01 00:00:23 | 3
--| 2026-01-01 00:00:13 | 2026-01-01 00:00:33 | 2
--| 2026-01-01 00:00:23 | 2026-01-01 00:00:43 | 2
--| 2026-01-01 00:00:43 | 2026-01-01 00:01:03 | 1
--| 2026-01-01 00:00:53 | 2026-01-01 00:01:13 | 1

--! case hop whose size is no multiple of its slide
SELECT window_start, window_end, SUM(price) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '25' SECOND)) GROUP BY window_start, window_end;

--! flink differs: it wants sizes that are multiples of the slide
--! rows
--| 2025-12-31 23:59:40 | 2026-01-01 00:00:05 | 3
--| 2025-12-31 23:59:50 | 2026-01-01 00:00:15 | 15
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:25 | 15
--| 2026-01-01 00:00:10 | 2026-01-01 00:00:35 | 17
--| 2026-01-01 00:00:20 | 2026-01-01 00:00:45 | 13
--| 2026-01-01 00:00:30 | 2026-01-01 00:00:55 | 7
--| 2026-01-01 00:00:40 | 2026-01-01 00:01:05 | 8
--| 2026-01-01 00:00:50 | 2026-01-01 00:01:15 | 8

--! case hop that leaves rows out
SELECT window_start, window_end, SUM(price) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

--! flink differs: it wants sizes that are multiples of the slide
--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | 11
--| 2026-01-01 00:00:20 | 2026-01-01 00:00:30 | 6

--! case cumulate with an offset
SELECT window_start, window_end, COUNT(*) FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND, INTERVAL '5' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2025-12-31 23:59:35 | 2026-01-01 00:00:05 | 2
--| 2026-01-01 00:00:05 | 2026-01-01 00:00:15 | 3
--| 2026-01-01 00:00:05 | 2026-01-01 00:00:25 | 3
--| 2026-01-01 00:00:05 | 2026-01-01 00:00:35 | 5
--| 2026-01-01 00:00:35 | 2026-01-01 00:01:05 | 1

--! case a negative offset
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '-4' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2025-12-31 23:59:56 | 2
--| 2026-01-01 00:00:06 | 3
--| 2026-01-01 00:00:16 | 1
--| 2026-01-01 00:00:26 | 1
--| 2026-01-01 00:00:56 | 1

--! case windows of days
SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 2026-01-02 00:00:00 | 8

--! case distinct and filtered counts of windows
SELECT window_end, COUNT(DISTINCT item), COUNT(*) FILTER (WHERE price > 3), SUM(DISTINCT price) FILTER (WHERE item = 'a'), MAX(price) FILTER (WHERE price < 0)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:30 | 2 | 3 | 14 | NULL
--| 2026-01-01 00:01:00 | 2 | 2 | 8 | NULL

--! case distinct counts of windows that overlap
SELECT window_end, COUNT(DISTINCT item), SUM(DISTINCT price % 3) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)) GROUP BY window_start, window_end;

--! flink differs: its distinct SUM fails in windows that share slices
--! rows
--| 2026-01-01 00:00:10 | 2 | 3
--| 2026-01-01 00:00:20 | 2 | 3
--| 2026-01-01 00:00:30 | 2 | 3
--| 2026-01-01 00:00:40 | 2 | 1
--| 2026-01-01 00:00:50 | 2 | 1
--| 2026-01-01 00:01:00 | 2 | 3
--| 2026-01-01 00:01:10 | 1 | 2
--| 2026-01-01 00:01:20 | 1 | 2

--! case windows with HAVING and an expression over the window
SELECT EXTRACT(SECOND FROM window_start) AS s, item, AVG(price) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, item HAVING COUNT(*) > 1;

--! rows
--| 0 | a | 2
--| 0 | b | 3

--! case lists of a window
SELECT window_start, LISTAGG(item), FIRST_VALUE(price), LAST_VALUE(price) FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '60' SECOND)) WHERE item = 'b' GROUP BY window_start, window_end;

--! flink differs: its FIRST_VALUE fails in windows that share slices
--! rows
--| 2026-01-01 00:00:00 | b,b | 2 | 5
--| 2026-01-01 00:00:00 | b,b,b | 2 | 7

--! case sessions by two keys
SELECT item, parity, window_start, window_end, SUM(price) FROM TABLE(SESSION((SELECT item, price % 2 AS parity, price, ts FROM bids), DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY item, parity, window_start, window_end;

--! rows
--| error: TM-SQL-0004: sessions must be grouped by the columns that they are PARTITION BY, and no others; write SESSION(TABLE t PARTITION BY k, …) and GROUP BY window_start, window_end, k

--! case sessions of a view by its keys
CREATE VIEW parities AS SELECT item, price % 2 AS parity, price, ts FROM bids;
SELECT item, parity, window_start, window_end, SUM(price), COUNT(DISTINCT price) FROM TABLE(SESSION(TABLE parities PARTITION BY (item, parity), DESCRIPTOR(ts), INTERVAL '20' SECOND))
GROUP BY item, parity, window_start, window_end;

--! rows
--| a | 0 | 2026-01-01 00:00:10 | 2026-01-01 00:00:45 | 10 | 2
--| a | 0 | 2026-01-01 00:00:58 | 2026-01-01 00:01:18 | 8 | 1
--| a | 1 | 2026-01-01 00:00:01 | 2026-01-01 00:00:29.999 | 4 | 2
--| b | 0 | 2026-01-01 00:00:02 | 2026-01-01 00:00:22 | 2 | 1
--| b | 1 | 2026-01-01 00:00:08 | 2026-01-01 00:00:28 | 5 | 1
--| b | 1 | 2026-01-01 00:00:31 | 2026-01-01 00:00:51 | 7 | 1

--! case sessions by names of arguments
SELECT item, window_start, MAX(price) FROM TABLE(SESSION(DATA => TABLE bids PARTITION BY item, TIMECOL => DESCRIPTOR(ts), GAP => INTERVAL '30' SECOND)) GROUP BY item, window_start, window_end;

--! rows
--| a | 2026-01-01 00:00:01 | 6
--| a | 2026-01-01 00:00:58 | 8
--| b | 2026-01-01 00:00:02 | 7

--! case an aggregation of sessions
SELECT window_end, SUM(n) FROM (
  SELECT window_start, window_end, window_time, item, COUNT(*) AS n FROM TABLE(SESSION(TABLE bids PARTITION BY item, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY item, window_start, window_end, window_time)
GROUP BY window_end;

--! rows
--| 2026-01-01 00:00:18 | 2
--| 2026-01-01 00:00:20 | 3
--| 2026-01-01 00:00:35 | 1
--| 2026-01-01 00:00:41 | 1
--| 2026-01-01 00:01:08 | 1

--! case a window of windows of another size
SELECT window_start, window_end, SUM(n) FROM TABLE(TUMBLE((
  SELECT window_time AS rowtime, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time), DESCRIPTOR(rowtime), INTERVAL '30' SECOND))
GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 2026-01-01 00:00:30 | 6
--| 2026-01-01 00:00:30 | 2026-01-01 00:01:00 | 2

--! case a join of window aggregations
SELECT a.window_start, a.n, b.s FROM
  (SELECT window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND)) WHERE item = 'a' GROUP BY window_start, window_end) AS a
  FULL JOIN (SELECT window_start, window_end, SUM(price) AS s FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '20' SECOND)) WHERE item = 'b' GROUP BY window_start, window_end) AS b
  ON a.window_start = b.window_start AND a.window_end = b.window_end;
--! rows
--| 2026-01-01 00:00:00 | 3 | 7
--| 2026-01-01 00:00:20 | 1 | 7
--| 2026-01-01 00:00:40 | 1 | NULL

--! case windows of a group
SELECT item, TUMBLE_START(ts, INTERVAL '10' SECOND) AS s, TUMBLE_END(ts, INTERVAL '10' SECOND) AS e, COUNT(*) FROM bids GROUP BY item, TUMBLE(ts, INTERVAL '10' SECOND) HAVING COUNT(*) > 1;

--! rows
--| a | 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | 2
--| b | 2026-01-01 00:00:00 | 2026-01-01 00:00:10 | 2

--! case windows of a group, and their time
SELECT TUMBLE_ROWTIME(b.ts, INTERVAL '30' SECOND), SUM(b.price) FROM bids AS b GROUP BY TUMBLE(b.ts, INTERVAL '30' SECOND);

--! rows
--| 2026-01-01 00:00:29.999 | 21
--| 2026-01-01 00:00:59.999 | 15

--! case windows of a group, one behind the other
SELECT HOP_START(t, INTERVAL '10' SECOND, INTERVAL '20' SECOND), SUM(n) FROM (
  SELECT TUMBLE_ROWTIME(ts, INTERVAL '10' SECOND) AS t, COUNT(*) AS n FROM bids WHERE price > 1 GROUP BY TUMBLE(ts, INTERVAL '10' SECOND))
GROUP BY HOP(t, INTERVAL '10' SECOND, INTERVAL '20' SECOND);

--! rows
--| 2025-12-31 23:59:50 | 3
--| 2026-01-01 00:00:00 | 4
--| 2026-01-01 00:00:10 | 2
--| 2026-01-01 00:00:20 | 2
--| 2026-01-01 00:00:30 | 1
--| 2026-01-01 00:00:40 | 1
--| 2026-01-01 00:00:50 | 1

--! case sessions of a group
SELECT item, SESSION_START(ts, INTERVAL '5' SECOND), SESSION_END(ts, INTERVAL '5' SECOND), SUM(price) FROM bids GROUP BY SESSION(ts, INTERVAL '5' SECOND), item;

--! rows
--| a | 2026-01-01 00:00:01 | 2026-01-01 00:00:06 | 1
--| a | 2026-01-01 00:00:09.999 | 2026-01-01 00:00:15 | 7
--| a | 2026-01-01 00:00:25 | 2026-01-01 00:00:30 | 6
--| a | 2026-01-01 00:00:58 | 2026-01-01 00:01:03 | 8
--| b | 2026-01-01 00:00:02 | 2026-01-01 00:00:07 | 2
--| b | 2026-01-01 00:00:08 | 2026-01-01 00:00:13 | 5
--| b | 2026-01-01 00:00:31 | 2026-01-01 00:00:36 | 7

--! case sessions of an expression's group
SELECT SUM(price) FROM bids GROUP BY SESSION(ts, INTERVAL '5' SECOND), UPPER(item);

--! rows
--| error: TM-SQL-0004: the other groups of sessions are columns, where it is grouped by; write FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), …)) … GROUP BY window_start, window_end

--! case a window of a group of two tables
SELECT COUNT(*) FROM bids AS a JOIN bids AS b ON a.item = b.item GROUP BY TUMBLE(a.ts, INTERVAL '5' SECOND);
--! rows
--| error: TM-SQL-0004: a window is of one table, where it is grouped by; write FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), …)) … GROUP BY window_start, window_end
