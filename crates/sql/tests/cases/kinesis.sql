-- The dialect of Kinesis Data Analytics: streams, pumps, ROWTIME.

--! file ticks.csv
--| AMZN,100.5,2026-01-01 00:00:01
--| TBV,20.0,2026-01-01 00:00:02
--| AMZN,101.5,2026-01-01 00:00:30
--| AMZN,99.0,2026-01-01 00:01:00
--| TBV,21.0,2026-01-01 00:01:10
--| TBV,21.0,2026-01-01 00:01:10
--| AMZN,98.0,2026-01-01 00:02:59.999
--| TBV,19.0,2026-01-01 00:10:00

--! file companies.csv
--| AMZN,Amazon
--| WAS,Wasserstein

--! setup
-- dialect: kinesis
CREATE TABLE SOURCE_SQL_STREAM_001 (
  TICKER VARCHAR(4), "price" DOUBLE, ROWTIME TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'ticks.csv', 'format' = 'csv');
CREATE TABLE COMPANIES (TICKER VARCHAR(4), COMPANY VARCHAR(32))
  WITH ('connector' = 'filesystem', 'path' = 'companies.csv', 'format' = 'csv');

--! case a pump fills a stream
CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (ticker_symbol VARCHAR(4), price DOUBLE);
CREATE OR REPLACE PUMP "STREAM_PUMP" AS INSERT INTO "DESTINATION_SQL_STREAM"
SELECT STREAM ticker, "price" FROM "SOURCE_SQL_STREAM_001" WHERE "price" >= 100; // cheap ones are not wanted
SELECT STREAM * FROM destination_sql_stream

--! rows
--| AMZN | 100.5
--| AMZN | 101.5

--! case names of columns in a pump, in another order, and one that is left out
CREATE STREAM s (a VARCHAR(4), b DOUBLE, c INTEGER);
CREATE PUMP p AS INSERT INTO s (b, a) SELECT STREAM "price" * 2, ticker FROM source_sql_stream_001 WHERE ticker = 'TBV';
SELECT STREAM * FROM s;

--! rows
--| TBV | 38.0 | NULL
--| TBV | 40.0 | NULL
--| TBV | 42.0 | NULL
--| TBV | 42.0 | NULL

--! case the time of rows goes with them
CREATE STREAM s (a VARCHAR(4));
CREATE PUMP p AS INSERT INTO s SELECT STREAM ROWTIME, ticker FROM source_sql_stream_001;
CREATE STREAM t (at TIMESTAMP, a VARCHAR(4));
CREATE PUMP q AS INSERT INTO t SELECT STREAM s.ROWTIME, a FROM s WHERE a <> 'AMZN';
SELECT STREAM ROWTIME, x.* FROM t AS x;

--! rows
--| 2026-01-01 00:00:02 | 2026-01-01 00:00:02 | TBV
--| 2026-01-01 00:01:10 | 2026-01-01 00:01:10 | TBV
--| 2026-01-01 00:01:10 | 2026-01-01 00:01:10 | TBV
--| 2026-01-01 00:10:00 | 2026-01-01 00:10:00 | TBV

--! case several pumps fill one stream, and several read it
CREATE STREAM s (a VARCHAR(8), p DOUBLE);
CREATE PUMP p1 AS INSERT INTO s SELECT STREAM 'cheap', "price" FROM source_sql_stream_001 WHERE "price" < 20;
CREATE PUMP p2 AS INSERT INTO s SELECT STREAM 'dear', "price" FROM source_sql_stream_001 WHERE "price" > 100;
CREATE STREAM t (a VARCHAR(8), n BIGINT);
CREATE PUMP p3 AS INSERT INTO t SELECT STREAM a, COUNT(*) FROM s GROUP BY a, STEP(s.ROWTIME BY INTERVAL '60' MINUTE);
CREATE PUMP p4 AS INSERT INTO t SELECT STREAM a, 0 FROM s;
SELECT STREAM * FROM t;

--! rows
--| cheap | 0
--| cheap | 1
--| dear | 0
--| dear | 0
--| dear | 2

--! case tumbling windows by FLOOR
SELECT STREAM ticker, COUNT(*) AS n, FLOOR(s.ROWTIME TO MINUTE) AS minute_start, ROWTIME
FROM source_sql_stream_001 AS s GROUP BY ticker, FLOOR(s.ROWTIME TO MINUTE);

--! rows
--| AMZN | 1 | 2026-01-01 00:01:00 | 2026-01-01 00:02:00
--| AMZN | 1 | 2026-01-01 00:02:00 | 2026-01-01 00:03:00
--| AMZN | 2 | 2026-01-01 00:00:00 | 2026-01-01 00:01:00
--| TBV | 1 | 2026-01-01 00:00:00 | 2026-01-01 00:01:00
--| TBV | 1 | 2026-01-01 00:10:00 | 2026-01-01 00:11:00
--| TBV | 2 | 2026-01-01 00:01:00 | 2026-01-01 00:02:00

--! case tumbling windows by STEP, with HAVING
SELECT STREAM ticker, STEP(source_sql_stream_001.ROWTIME BY INTERVAL '120' SECOND) AS at, MIN("price"), MAX("price")
FROM source_sql_stream_001 GROUP BY ticker, STEP(source_sql_stream_001.ROWTIME BY INTERVAL '120' SECOND) HAVING COUNT(*) > 1;

--! rows
--| AMZN | 2026-01-01 00:00:00 | 99.0 | 101.5
--| TBV | 2026-01-01 00:00:00 | 20.0 | 21.0

--! case two windows one behind the other
CREATE STREAM counts (ticker VARCHAR(4), n BIGINT);
CREATE PUMP p AS INSERT INTO counts SELECT STREAM ticker, COUNT(*) FROM source_sql_stream_001 AS s GROUP BY ticker, FLOOR(s.ROWTIME TO MINUTE);
SELECT STREAM SUM(n), ROWTIME FROM counts GROUP BY STEP(counts.ROWTIME BY INTERVAL '5' MINUTE);

--! rows
--| 1 | 2026-01-01 00:15:00
--| 7 | 2026-01-01 00:05:00

--! case a window needs ROWTIME
SELECT STREAM ticker, COUNT(*) FROM source_sql_stream_001 GROUP BY ticker;

--! rows
--| error: TM-SQL-0004: GROUP BY of a stream needs a window; group by FLOOR(s.ROWTIME TO MINUTE) or STEP(s.ROWTIME BY INTERVAL '10' SECOND), too

--! case sliding windows see a row at a time
SELECT STREAM ROWTIME, ticker, COUNT(*) OVER w, SUM("price") OVER w FROM source_sql_stream_001
WINDOW w AS (PARTITION BY ticker RANGE INTERVAL '59' SECOND PRECEDING);

--! rows
--| 2026-01-01 00:00:01 | AMZN | 1 | 100.5
--| 2026-01-01 00:00:02 | TBV | 1 | 20.0
--| 2026-01-01 00:00:30 | AMZN | 2 | 202.0
--| 2026-01-01 00:01:00 | AMZN | 3 | 301.0
--| 2026-01-01 00:01:10 | TBV | 1 | 21.0
--| 2026-01-01 00:01:10 | TBV | 2 | 42.0
--| 2026-01-01 00:02:59.999 | AMZN | 1 | 98.0
--| 2026-01-01 00:10:00 | TBV | 1 | 19.0

--! case the far end of a range is in it
SELECT STREAM ticker, COUNT(*) OVER (PARTITION BY ticker RANGE INTERVAL '59' SECOND PRECEDING) AS with_it,
  COUNT(*) OVER (PARTITION BY ticker RANGE INTERVAL '58.999' SECOND PRECEDING) AS without,
  COUNT(*) OVER (PARTITION BY ticker RANGE INTERVAL '0:59.000' MINUTE TO SECOND(3) PRECEDING) AS as_well
FROM source_sql_stream_001 WHERE ticker = 'AMZN';

--! rows
--| AMZN | 1 | 1 | 1
--| AMZN | 1 | 1 | 1
--| AMZN | 2 | 2 | 2
--| AMZN | 3 | 2 | 3

--! case rows before a row
SELECT STREAM ticker, "price", AVG("price") OVER (PARTITION BY ticker ROWS 1 PRECEDING) AS average, LAG("price") OVER (PARTITION BY ticker ROWS 1 PRECEDING) AS before
FROM source_sql_stream_001 WHERE ticker = 'AMZN';

--! rows
--| AMZN | 100.5 | 100.5 | NULL
--| AMZN | 101.5 | 101.0 | 100.5
--| AMZN | 98.0 | 98.5 | 99.0
--| AMZN | 99.0 | 100.25 | 101.5

--! case stagger windows open with the first row of a key
SELECT STREAM ticker, COUNT(*), ROWTIME FROM source_sql_stream_001
WINDOWED BY STAGGER (PARTITION BY ticker RANGE INTERVAL '1' MINUTE);

--! rows
--| AMZN | 1 | 2026-01-01 00:03:59.999
--| AMZN | 3 | 2026-01-01 00:01:01
--| TBV | 1 | 2026-01-01 00:01:02
--| TBV | 1 | 2026-01-01 00:11:00
--| TBV | 2 | 2026-01-01 00:02:10

--! case distinct rows of a minute, each at once
SELECT STREAM DISTINCT ticker, FLOOR(s.ROWTIME TO MINUTE) AS "minute" FROM source_sql_stream_001 AS s;

--! rows
--| AMZN | 2026-01-01 00:00:00
--| AMZN | 2026-01-01 00:01:00
--| AMZN | 2026-01-01 00:02:00
--| TBV | 2026-01-01 00:00:00
--| TBV | 2026-01-01 00:01:00
--| TBV | 2026-01-01 00:10:00

--! case distinct rows need a period
SELECT STREAM DISTINCT ticker FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0004: SELECT DISTINCT of a stream needs a period; select FLOOR(s.ROWTIME TO MINUTE), or STEP(s.ROWTIME BY …), too

--! case a row meets those that the other window holds
CREATE STREAM orders (id VARCHAR(4), p DOUBLE);
CREATE STREAM trades (id VARCHAR(4), p DOUBLE);
CREATE PUMP o AS INSERT INTO orders SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 20 AND "price" < 101;
CREATE PUMP t AS INSERT INTO trades SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" <= 20 OR "price" >= 101 OR ticker = 'AMZN';
SELECT STREAM ROWTIME, o.p, t.p FROM orders OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS o
JOIN trades OVER (RANGE INTERVAL '30' SECOND PRECEDING) AS t ON o.id = t.id;

--! rows
--| 2026-01-01 00:00:01 | 100.5 | 100.5
--| 2026-01-01 00:00:30 | 100.5 | 101.5
--| 2026-01-01 00:01:00 | 100.5 | 99.0
--| 2026-01-01 00:01:00 | 99.0 | 101.5
--| 2026-01-01 00:01:00 | 99.0 | 99.0
--| 2026-01-01 00:02:59.999 | 98.0 | 98.0

--! case a row without a match comes when it leaves its window
CREATE STREAM orders (id VARCHAR(4), p DOUBLE);
CREATE STREAM trades (id VARCHAR(4), p DOUBLE);
CREATE PUMP o AS INSERT INTO orders SELECT STREAM ticker, "price" FROM source_sql_stream_001;
CREATE PUMP t AS INSERT INTO trades SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" = 101.5;
SELECT STREAM ROWTIME, o.id, o.p, t.p FROM orders OVER w AS o LEFT JOIN trades AS t ON o.id = t.id
WINDOW w AS (RANGE INTERVAL '1' MINUTE PRECEDING);

--! rows
--| 2026-01-01 00:00:30 | AMZN | 100.5 | 101.5
--| 2026-01-01 00:00:30 | AMZN | 101.5 | 101.5
--| 2026-01-01 00:01:02 | TBV | 20.0 | NULL
--| 2026-01-01 00:02:00 | AMZN | 99.0 | NULL
--| 2026-01-01 00:02:10 | TBV | 21.0 | NULL
--| 2026-01-01 00:02:10 | TBV | 21.0 | NULL
--| 2026-01-01 00:03:59.999 | AMZN | 98.0 | NULL
--| 2026-01-01 00:11:00 | TBV | 19.0 | NULL

--! case a join of streams needs a window
SELECT STREAM a.ticker FROM source_sql_stream_001 AS a JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker;

--! rows
--| error: TM-SQL-0004: a join of two streams needs a window; write OVER (RANGE INTERVAL '1' MINUTE PRECEDING) behind a stream's name

--! case sub-queries
SELECT STREAM t.ticker, t.EXPR$1, ROWTIME FROM (SELECT STREAM ticker, "price" + 1, 'x' AS x FROM source_sql_stream_001) AS t WHERE t.EXPR$1 > 101;

--! rows
--| AMZN | 101.5 | 2026-01-01 00:00:01
--| AMZN | 102.5 | 2026-01-01 00:00:30

--! case two streams in one
SELECT STREAM ticker FROM source_sql_stream_001 WHERE "price" > 101 UNION ALL SELECT STREAM 'none' FROM source_sql_stream_001 WHERE "price" < 20;

--! rows
--| AMZN
--| none

--! case functions of times
SELECT STREAM UNIX_TIMESTAMP(s.ROWTIME), TO_TIMESTAMP(UNIX_TIMESTAMP(s.ROWTIME)), TIMESTAMP_TO_CHAR('yyyy-MM-dd hh:mm:ss a', s.ROWTIME),
  TSDIFF(s.ROWTIME, TIMESTAMP '2026-01-01 00:00:00'), CHAR_TO_TIMESTAMP('dd/MM/yy', '02/03/04'), s.ROWTIME - INTERVAL '1' HOUR,
  CEIL(s.ROWTIME TO HOUR), FLOOR(s.ROWTIME TO MONTH), STEP(17 BY 5), EXTRACT(MINUTE FROM s.ROWTIME)
FROM source_sql_stream_001 AS s WHERE "price" = 98;

--! rows
--| 1767225779999 | 2026-01-01 00:02:59.999 | 2026-01-01 12:02:59 AM | 179999 | 2004-03-02 00:00:00 | 2025-12-31 23:02:59.999 | 2026-01-01 01:00:00 | 2026-01-01 00:00:00 | 15 | 2

--! case functions of texts
SELECT STREAM REGEX_REPLACE(ticker, '[AEIOU]', '_', 1, 0), CHAR_LENGTH(ticker), INITCAP(LOWER(ticker)), SUBSTRING(ticker FROM 2 FOR 2), ticker || '!',
  POSITION('Z' IN ticker), OVERLAY(ticker PLACING 'xx' FROM 2 FOR 1), 5 / 2, 5.0 / 2, MOD(-7, 3)
FROM source_sql_stream_001 WHERE "price" = 98;

--! rows
--| _MZN | 4 | Amzn | MZ | AMZN! | 3 | AxxZN | 2 | 2.500000000000 | -1

--! case a stream that no pump fills
CREATE STREAM s (a INT);
SELECT STREAM a FROM s;

--! rows
--| error: TM-SQL-0005: no pump fills stream "S"; CREATE PUMP … AS INSERT INTO it

--! case a stream that fills itself
CREATE STREAM s (a VARCHAR(4));
CREATE PUMP p AS INSERT INTO s SELECT STREAM a FROM s;
SELECT STREAM a FROM s;

--! rows
--| error: TM-SQL-0004: stream "S" gets rows of itself, by way of its pumps; let the last pump fill another stream

--! case what is not built is refused by name
SELECT STREAM * FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM "price" FROM source_sql_stream_001)));

--! rows
--| error: TM-SQL-0004: RANDOM_CUT_FOREST is not built

--! case a pump must fit its stream
CREATE STREAM s (a VARCHAR(4), b INTEGER);
CREATE PUMP p AS INSERT INTO s SELECT STREAM ticker FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0003: the query has 1 columns (TICKER), stream "S" takes 2

--! case a stream's column by its wrong name
CREATE STREAM s (tickers VARCHAR(4));
CREATE PUMP p AS INSERT INTO s (ticker) SELECT STREAM ticker FROM source_sql_stream_001;
--! rows
--| error: TM-SQL-0002: stream "S" has no column "TICKER"; did you mean "TICKERS"?

--! case a reference table is there before the first row
SELECT STREAM s.ticker, c.company, "price" FROM source_sql_stream_001 AS s LEFT JOIN companies AS c ON s.ticker = c.ticker WHERE "price" < 100;

--! rows
--| AMZN | Amazon | 98.0
--| AMZN | Amazon | 99.0
--| TBV | NULL | 19.0
--| TBV | NULL | 20.0
--| TBV | NULL | 21.0
--| TBV | NULL | 21.0

--! case a reference table's rows that are not there
SELECT STREAM s.ROWTIME, c.* FROM source_sql_stream_001 AS s JOIN companies AS c ON s.ticker = c.ticker AND s."price" > 100;

--! rows
--| 2026-01-01 00:00:01 | AMZN | Amazon
--| 2026-01-01 00:00:30 | AMZN | Amazon

--! case a reference table needs a key
SELECT STREAM s.ticker FROM source_sql_stream_001 AS s JOIN companies AS c ON s.ticker <> c.ticker;
--! rows
--| AMZN
--| AMZN
--| AMZN
--| AMZN
--| TBV
--| TBV
--| TBV
--| TBV
--| TBV
--| TBV
--| TBV
--| TBV

--! file late.csv
--| 1,2026-01-01 00:00:10,2026-01-01 00:00:05
--| 2,2026-01-01 00:00:11,2026-01-01 00:00:03
--| 3,2026-01-01 00:00:12,2026-01-01 00:00:09
--| 4,2026-01-01 00:00:13,2026-01-01 00:00:04
--| 5,2026-01-01 00:00:14,
--| 6,2026-01-01 00:00:15,2026-01-01 00:00:08
--| 7,2026-01-01 00:00:16,2026-01-01 00:00:20

--! case a column becomes ROWTIME, and rows that would go back are errors
CREATE TABLE l (n INTEGER, ROWTIME TIMESTAMP(3), at TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'late.csv', 'format' = 'csv');
CREATE TABLE "errors" ("message" STRING, "pump_name" STRING) WITH ('connector' = 'filesystem', 'path' = 'errors', 'format' = 'csv');
SET 'pipeline.error-table' = 'errors';
CREATE STREAM s (n INTEGER);
CREATE PUMP p AS INSERT INTO s SELECT STREAM n, at AS ROWTIME FROM l;
SELECT STREAM s.ROWTIME, n FROM s;
--! then
-- dialect: streaming
SELECT * FROM errors;
--! rows
--| 2026-01-01 00:00:05 | 1
--| 2026-01-01 00:00:09 | 3
--| 2026-01-01 00:00:20 | 7
--| its ROWTIME is NULL | P
--| its ROWTIME is behind that of rows before it | P
--| its ROWTIME is behind that of rows before it | P
--| its ROWTIME is behind that of rows before it | P

--! case rows are put in order within an interval
CREATE TABLE l (n INTEGER, ROWTIME TIMESTAMP(3), at TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'late.csv', 'format' = 'csv');
CREATE STREAM s (n INTEGER);
CREATE PUMP p AS INSERT INTO s SELECT STREAM n, at AS ROWTIME FROM l ORDER BY at WITHIN INTERVAL '5' SECOND;
CREATE STREAM t (n INTEGER, before INTEGER, rows_of BIGINT);
CREATE PUMP q AS INSERT INTO t SELECT STREAM n, LAG(n) OVER w, COUNT(*) OVER w FROM s WINDOW w AS (RANGE INTERVAL '2' SECOND PRECEDING);
SELECT STREAM t.ROWTIME, t.* FROM t;
--! rows
--| 2026-01-01 00:00:03 | 2 | NULL | 1
--| 2026-01-01 00:00:04 | 4 | 2 | 2
--| 2026-01-01 00:00:05 | 1 | 4 | 3
--| 2026-01-01 00:00:08 | 6 | NULL | 1
--| 2026-01-01 00:00:09 | 3 | 6 | 2
--| 2026-01-01 00:00:20 | 7 | NULL | 1

--! case rows in order of a time have it as their ROWTIME
SELECT STREAM ticker FROM source_sql_stream_001 ORDER BY "price" WITHIN INTERVAL '5' SECOND;
--! rows
--| error: TM-SQL-0004: rows that are put in the order of a time have it as their ROWTIME; select "price" AS ROWTIME

--! case columns get names behind an alias
SELECT STREAM x.a, x.c FROM (SELECT STREAM ticker, "price" FROM source_sql_stream_001 AS y(ticker, "price")) AS x(a, c) WHERE c > 100;
--! rows
--| AMZN | 100.5
--| AMZN | 101.5

--! case too few names behind an alias
SELECT STREAM y.a FROM source_sql_stream_001 AS y(a);
--! rows
--| error: TM-SQL-0002: Y has more columns than are named

--! case the most frequent items of each minute
SELECT STREAM * FROM TABLE(TOP_K_ITEMS_TUMBLING(CURSOR(SELECT STREAM * FROM source_sql_stream_001), 'TICKER', 1, 60));
--! rows
--| AMZN | 1
--| AMZN | 2
--| TBV | 1
--| TBV | 2

--! case how many items there are in each minute
CREATE STREAM s (n BIGINT);
CREATE PUMP p AS INSERT INTO s
SELECT STREAM * FROM TABLE(COUNT_DISTINCT_ITEMS_TUMBLING(CURSOR(SELECT STREAM ticker FROM source_sql_stream_001), 'TICKER', 60));
SELECT STREAM s.ROWTIME, n FROM s;
--! rows
--| 2026-01-01 00:01:00 | 2
--| 2026-01-01 00:02:00 | 2
--| 2026-01-01 00:03:00 | 1
--| 2026-01-01 00:11:00 | 1

--! case the most frequent items of a window that is too long
SELECT STREAM * FROM TABLE(TOP_K_ITEMS_TUMBLING(CURSOR(SELECT STREAM * FROM source_sql_stream_001), 'TICKER', 1, 4000));
--! rows
--| error: TM-SQL-0004: TOP_K_ITEMS_TUMBLING takes a query, the name of a column, and numbers; TABLE(TOP_K_ITEMS_TUMBLING(CURSOR(SELECT STREAM * FROM s), 'column', 10, 60))

--! file lines.csv
--| "192.168.254.30 - John [24/May/2004:22:01:02 -0700] ""GET /icons/apache_pb.gif HTTP/1.1"" 304 0",2026-01-01 00:00:01
--| "no log line",2026-01-01 00:00:02
--| "03/Feb,a,b|c",2026-01-01 00:00:03
--| ,2026-01-01 00:00:04

--! case lines of a web server's log
CREATE TABLE l (line STRING, ROWTIME TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'lines.csv', 'format' = 'csv', 'csv.null-literal' = '');
CREATE STREAM s (host VARCHAR(64), request VARCHAR(64), status VARCHAR(8));
CREATE PUMP p AS INSERT INTO s
SELECT STREAM x.r.COLUMN1, x.r.COLUMN5, x.r.COLUMN6 FROM (SELECT STREAM W3C_LOG_PARSE(line, 'COMMON') FROM l) AS x(r);
SELECT STREAM * FROM s;
--! rows
--| 192.168.254.30 | GET /icons/apache_pb.gif HTTP/1.1 | 304
--| NULL | NULL | NULL
--| NULL | NULL | NULL
--| NULL | NULL | NULL

--! case groups of a regular expression
CREATE TABLE l (line STRING, ROWTIME TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'lines.csv', 'format' = 'csv', 'csv.null-literal' = '');
SELECT STREAM t.line, t.rec.COLUMN1, t.rec.COLUMN2
FROM (SELECT STREAM line, REGEX_LOG_PARSE(line, '(\w+) (log) (.*)') AS rec FROM l) AS t;
--! rows
--| 03/Feb,a,b|c | NULL | NULL
--| 192.168.254.30 - John [24/May/2004:22:01:02 -0700] "GET /icons/apache_pb.gif HTTP/1.1" 304 0 | NULL | NULL
--| NULL | NULL | NULL
--| no log line | no | log

--! case columns with names and types
CREATE TABLE l (line STRING, ROWTIME TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'lines.csv', 'format' = 'csv', 'csv.null-literal' = '');
SELECT STREAM t.r.a, t.r.b, f.x
FROM (SELECT STREAM VARIABLE_COLUMN_LOG_PARSE(line, 'A TYPE VARCHAR(16), B TYPE VARCHAR(4)', ',') AS r, FIXED_COLUMN_LOG_PARSE(line, 'X TYPE VARCHAR(2) START 0 FOR 2') AS f FROM l) AS t;
--! rows
--| 03/Feb | a | 03
--| 192.168.254.30 - | NULL | 19
--| NULL | NULL | NULL
--| no log line | NULL | no

--! case a pattern that is not constant
SELECT STREAM W3C_LOG_PARSE(ticker, ticker) FROM source_sql_stream_001;
--! rows
--| error: TM-SQL-0003: write W3C_LOG_PARSE(line [, 'COMMON']): what follows the line is constant text

--! case patterns of the standard
SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE ticker SIMILAR TO '%(MZ|BX)_' AND ticker NOT SIMILAR TO 'T%';
--! rows
--| AMZN | 100.5
--| AMZN | 101.5
--| AMZN | 98.0
--| AMZN | 99.0

--! case windows by steps since 1970
SELECT STREAM FLOOR((s.ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND / 90 TO SECOND) AS "begin", COUNT(*) AS n
FROM source_sql_stream_001 AS s GROUP BY FLOOR((s.ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND / 90 TO SECOND);
--! rows
--| 2026-01-01 00:00:00 | 6
--| 2026-01-01 00:01:30 | 1
--| 2026-01-01 00:09:00 | 1

--! case text with characters by their number
SELECT STREAM u&'\0041MZN' FROM source_sql_stream_001 WHERE ticker = u&'\0054BV' AND "price" < 20;
--! rows
--| AMZN

--! case rows that fail go to the error stream, and the others go on
CREATE TABLE "errors" ("error_name" STRING, "message" STRING, "data_rowtime" TIMESTAMP(3), "data_row" STRING, "pump_name" STRING)
  WITH ('connector' = 'filesystem', 'path' = 'errors', 'format' = 'json');
SET 'pipeline.error-table' = 'errors';
CREATE STREAM s (a VARCHAR(4), b DOUBLE, c INTEGER NOT NULL);
CREATE PUMP p AS INSERT INTO s
SELECT STREAM ticker || CASE WHEN "price" = 20 THEN '!!' ELSE '' END, 1 / ("price" - 19), CASE WHEN "price" < 100 THEN 1 / (CAST("price" AS INTEGER) - 98) END
FROM source_sql_stream_001;
SELECT STREAM * FROM s;
--! then
-- dialect: streaming
SELECT * FROM errors;
--! rows
--| AMZN | 0.0125 | 1
--| TBV | 0.5 | 0
--| TBV | 0.5 | 0
--| Failed row | column A is VARCHAR(4), the text has 5 characters | 2026-01-01 00:00:02 | 7B225449434B4552223A22544256222C227072696365223A32302E302C22524F5754494D45223A22323032362D30312D30312030303A30303A3032227D | P
--| Failed row | column C is NOT NULL | 2026-01-01 00:00:01 | 7B225449434B4552223A22414D5A4E222C227072696365223A3130302E352C22524F5754494D45223A22323032362D30312D30312030303A30303A3031227D | P
--| Failed row | column C is NOT NULL | 2026-01-01 00:00:30 | 7B225449434B4552223A22414D5A4E222C227072696365223A3130312E352C22524F5754494D45223A22323032362D30312D30312030303A30303A3330227D | P
--| Failed row | division by zero | 2026-01-01 00:02:59.999 | 7B225449434B4552223A22414D5A4E222C227072696365223A39382E302C22524F5754494D45223A22323032362D30312D30312030303A30323A35392E393939227D | P
--| Failed row | division by zero | 2026-01-01 00:10:00 | 7B225449434B4552223A22544256222C227072696365223A31392E302C22524F5754494D45223A22323032362D30312D30312030303A31303A3030227D | P

--! case exponential averages
SELECT STREAM ticker, "price", EXP_AVG("price", INTERVAL '10' SECOND) OVER w FROM source_sql_stream_001
WINDOW w AS (PARTITION BY ticker RANGE INTERVAL '1' MINUTE PRECEDING);

--! rows
--| AMZN | 100.5 | 100.5
--| AMZN | 101.5 | 101.38185623605325
--| AMZN | 98.0 | 98.0
--| AMZN | 99.0 | 99.29570460890595
--| TBV | 19.0 | 19.0
--| TBV | 20.0 | 20.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0

--! case an exponential average needs a window
SELECT STREAM EXP_AVG("price", INTERVAL '10' SECOND) FROM source_sql_stream_001 AS s GROUP BY FLOOR(s.ROWTIME TO MINUTE);

--! rows
--| error: TM-SQL-0004: EXP_AVG is of the rows of a window; write EXP_AVG(x, INTERVAL '10' SECOND) OVER w

--! case the half-life is constant
SELECT STREAM EXP_AVG("price", "price") OVER (ROWS 2 PRECEDING) FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0004: EXP_AVG takes a number and the time in which its weight halves; write EXP_AVG(x, INTERVAL '10' SECOND) OVER w

--! case the n-th value
SELECT STREAM "price", NTH_VALUE("price", 2) OVER w AS second, NTH_VALUE("price", 2) FROM LAST OVER w AS one_before,
  NTH_VALUE("price", 2) FROM FIRST RESPECT NULLS OVER w AS again FROM source_sql_stream_001 WINDOW w AS (ROWS 2 PRECEDING);

--! rows
--| 100.5 | NULL | NULL | NULL
--| 101.5 | 20.0 | 20.0 | 20.0
--| 19.0 | 98.0 | 98.0 | 98.0
--| 20.0 | 20.0 | 100.5 | 20.0
--| 21.0 | 21.0 | 21.0 | 21.0
--| 21.0 | 99.0 | 99.0 | 99.0
--| 98.0 | 21.0 | 21.0 | 21.0
--| 99.0 | 101.5 | 101.5 | 101.5

--! case the n-th value is constant
SELECT STREAM NTH_VALUE("price", 0) OVER (ROWS 2 PRECEDING) FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0004: the number of a row must be constant, from 1; NTH_VALUE(x, 2) OVER w

--! case values with nulls and without
SELECT STREAM p, FIRST_VALUE(p) OVER w AS f, FIRST_VALUE(p) IGNORE NULLS OVER w AS fi, LAST_VALUE(p) OVER w AS l, LAST_VALUE(p) IGNORE NULLS OVER w AS li,
  LAG(p) OVER w AS b, LAG(p) IGNORE NULLS OVER w AS bi, LAG(p, 1, -1) IGNORE NULLS OVER w AS bd
FROM (SELECT STREAM CASE WHEN "price" > 50 THEN "price" END AS p FROM source_sql_stream_001) AS s WINDOW w AS (ROWS 2 PRECEDING);

--! rows
--| 100.5 | 100.5 | 100.5 | 100.5 | 100.5 | NULL | NULL | -1.0
--| 101.5 | 100.5 | 100.5 | 101.5 | 101.5 | NULL | 100.5 | 100.5
--| 98.0 | NULL | 98.0 | 98.0 | 98.0 | NULL | NULL | -1.0
--| 99.0 | NULL | 101.5 | 99.0 | 99.0 | 101.5 | 101.5 | 101.5
--| NULL | 100.5 | 100.5 | NULL | 100.5 | 100.5 | 100.5 | 100.5
--| NULL | 101.5 | 101.5 | NULL | 99.0 | 99.0 | 99.0 | 99.0
--| NULL | 99.0 | 99.0 | NULL | 99.0 | NULL | 99.0 | 99.0
--| NULL | NULL | 98.0 | NULL | 98.0 | 98.0 | 98.0 | 98.0

--! case any and every
SELECT STREAM ANY("price" > 100) OVER (ROWS 1 PRECEDING) AS some, EVERY("price" > 20) OVER (ROWS 1 PRECEDING) AS every_one FROM source_sql_stream_001;
--! rows
--| false | false
--| false | true
--| false | true
--| false | true
--| true | false
--| true | false
--| true | true
--| true | true

--! case differences of times in a unit
SELECT STREAM ticker FROM source_sql_stream_001 AS s
WHERE (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') SECOND > INTERVAL '30' SECOND AND (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') DAY TO SECOND < INTERVAL '3' MINUTE;

--! rows
--| AMZN
--| AMZN
--| TBV
--| TBV

--! case parts of differences
SELECT STREAM EXTRACT(MINUTE FROM (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') MINUTE TO SECOND(3)) AS m,
  EXTRACT(SECOND FROM (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') MINUTE TO SECOND(3)) AS s,
  EXTRACT(SECOND FROM (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') MINUTE) AS none
FROM source_sql_stream_001 AS s;

--! rows
--| 0 | 1.000 | 0.000
--| 0 | 2.000 | 0.000
--| 0 | 30.000 | 0.000
--| 1 | 0.000 | 0.000
--| 1 | 10.000 | 0.000
--| 1 | 10.000 | 0.000
--| 10 | 0.000 | 0.000
--| 2 | 59.999 | 0.000

--! case a difference is added to a time
SELECT STREAM TIMESTAMP '2026-02-01 00:00:00' + (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') SECOND AS later FROM source_sql_stream_001 AS s WHERE "price" < 20;

--! rows
--| 2026-02-01 00:10:00

--! case seconds have decimals
CREATE STREAM parts (s DECIMAL(5,3), whole INTEGER, m BIGINT, d BIGINT, y BIGINT);
CREATE PUMP p AS INSERT INTO parts
SELECT STREAM EXTRACT(SECOND FROM s.ROWTIME), EXTRACT(SECOND FROM s.ROWTIME), EXTRACT(MINUTE FROM s.ROWTIME), EXTRACT(DAY FROM s.ROWTIME), EXTRACT(YEAR FROM s.ROWTIME) FROM source_sql_stream_001 AS s;
SELECT STREAM * FROM parts;

--! rows
--| 0.000 | 0 | 1 | 1 | 2026
--| 0.000 | 0 | 10 | 1 | 2026
--| 1.000 | 1 | 0 | 1 | 2026
--| 10.000 | 10 | 1 | 1 | 2026
--| 10.000 | 10 | 1 | 1 | 2026
--| 2.000 | 2 | 0 | 1 | 2026
--| 30.000 | 30 | 0 | 1 | 2026
--| 59.999 | 59 | 2 | 1 | 2026

--! case a unit behind what is no difference
SELECT STREAM COUNT(*) SECOND FROM source_sql_stream_001 AS s GROUP BY FLOOR(s.ROWTIME TO MINUTE);

--! rows
--| error: TM-SQL-0004: a unit stands behind a difference of times in parentheses; write (a - b) SECOND, or quote the name of a column

--! case periods that overlap
SELECT STREAM ticker FROM source_sql_stream_001 AS s WHERE (s.ROWTIME, s.ROWTIME) OVERLAPS (s.ROWTIME, s.ROWTIME);
--! rows
--| AMZN
--| AMZN
--| AMZN
--| AMZN
--| TBV
--| TBV
--| TBV
--| TBV

--! case natural joins
SELECT STREAM * FROM (SELECT STREAM ticker, "price" AS a FROM source_sql_stream_001) OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a
NATURAL JOIN (SELECT STREAM ticker, "price" AS b FROM source_sql_stream_001) AS b;

--! rows
--| AMZN | 100.5 | 100.5
--| AMZN | 100.5 | 101.5
--| AMZN | 100.5 | 99.0
--| AMZN | 101.5 | 101.5
--| AMZN | 101.5 | 99.0
--| AMZN | 98.0 | 98.0
--| AMZN | 99.0 | 99.0
--| TBV | 19.0 | 19.0
--| TBV | 20.0 | 20.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0

--! case a join by names
SELECT STREAM ticker, a."price", b."price" AS later FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a JOIN source_sql_stream_001 AS b USING (ticker);

--! rows
--| AMZN | 100.5 | 100.5
--| AMZN | 100.5 | 101.5
--| AMZN | 100.5 | 99.0
--| AMZN | 101.5 | 101.5
--| AMZN | 101.5 | 99.0
--| AMZN | 98.0 | 98.0
--| AMZN | 99.0 | 99.0
--| TBV | 19.0 | 19.0
--| TBV | 20.0 | 20.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0
--| TBV | 21.0 | 21.0

--! case an outer join by names
SELECT STREAM * FROM (SELECT STREAM ticker, "price" AS a FROM source_sql_stream_001 WHERE "price" > 50) OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a
FULL JOIN (SELECT STREAM ticker, "price" AS b FROM source_sql_stream_001 WHERE "price" < 101) AS b USING (ticker);

--! rows
--| AMZN | 100.5 | 100.5
--| AMZN | 100.5 | 99.0
--| AMZN | 101.5 | 99.0
--| AMZN | 98.0 | 98.0
--| AMZN | 99.0 | 99.0
--| TBV | NULL | 19.0
--| TBV | NULL | 20.0
--| TBV | NULL | 21.0
--| TBV | NULL | 21.0

--! case a join by a name that one side lacks
SELECT STREAM a.ticker FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a JOIN source_sql_stream_001 AS b USING (other);

--! rows
--| error: TM-SQL-0002: both sides of the join need a column "OTHER"

--! case three streams at once
SELECT STREAM a."price", b."price" AS b, c."price" AS c FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a
JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker
JOIN source_sql_stream_001 OVER (RANGE INTERVAL '5' SECOND PRECEDING) AS c ON a.ticker = c.ticker;

--! rows
--| 100.5 | 100.5 | 100.5
--| 100.5 | 101.5 | 101.5
--| 100.5 | 99.0 | 99.0
--| 101.5 | 101.5 | 101.5
--| 101.5 | 99.0 | 99.0
--| 19.0 | 19.0 | 19.0
--| 20.0 | 20.0 | 20.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 21.0 | 21.0 | 21.0
--| 98.0 | 98.0 | 98.0
--| 99.0 | 99.0 | 99.0

--! case three streams explained
EXPLAIN SELECT STREAM a."price" FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a
JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker
JOIN source_sql_stream_001 OVER (RANGE INTERVAL '5' SECOND PRECEDING) AS c ON a.ticker = c.ticker;

--! rows
--| sink terminal: rows to the terminal
--|   calc-5: select price
--|     interval join-2: Inner, left time from right -60000000 to 5000000 µs; by A.TICKER = C.TICKER; keeps the rows of the interval
--|       calc-3: select TICKER, price, ROWTIME, ROWTIME, key by [0]
--|         interval join: Inner, left time from right -60000000 to 0 µs; by A.TICKER = B.TICKER; keeps the rows of the interval
--|           calc: key by [0]
--|             source SOURCE_SQL_STREAM_001: filesystem: TICKER, price, ROWTIME; replays, ends; keeps positions
--|           calc-2: select TICKER, ROWTIME, key by [0]
--|             source SOURCE_SQL_STREAM_001 (shown above)
--|       calc-4: select TICKER, ROWTIME, key by [0]
--|         source SOURCE_SQL_STREAM_001 (shown above)

--! case an outer join of three streams
SELECT STREAM ROWTIME, a."price", b."price" AS b, c."price" AS c
FROM (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 20) OVER (RANGE INTERVAL '30' SECOND PRECEDING) AS a
JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 20) AS b ON a.ticker = b.ticker
LEFT JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" < 99.5) OVER (RANGE INTERVAL '10' SECOND PRECEDING) AS c ON b.ticker = c.ticker;

--! rows
--| 2026-01-01 00:00:01 | 100.5 | 100.5 | NULL
--| 2026-01-01 00:00:30 | 100.5 | 101.5 | NULL
--| 2026-01-01 00:00:30 | 101.5 | 101.5 | NULL
--| 2026-01-01 00:01:00 | 101.5 | 99.0 | 99.0
--| 2026-01-01 00:01:00 | 99.0 | 99.0 | 99.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:01:10 | 21.0 | 21.0 | 21.0
--| 2026-01-01 00:02:59.999 | 98.0 | 98.0 | 98.0

--! case outer joins of three streams in a row
SELECT STREAM ROWTIME, a."price", b."price" AS b, c."price" AS c
FROM source_sql_stream_001 OVER (RANGE INTERVAL '30' SECOND PRECEDING) AS a
LEFT JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 100) AS b ON a.ticker = b.ticker
LEFT JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" BETWEEN 99 AND 101) AS c ON a.ticker = c.ticker;

--! rows
--| 2026-01-01 00:00:01 | 100.5 | 100.5 | 100.5
--| 2026-01-01 00:00:30 | 100.5 | 101.5 | NULL
--| 2026-01-01 00:00:30 | 101.5 | 101.5 | NULL
--| 2026-01-01 00:00:32 | 20.0 | NULL | NULL
--| 2026-01-01 00:01:30 | 99.0 | NULL | 99.0
--| 2026-01-01 00:01:40 | 21.0 | NULL | NULL
--| 2026-01-01 00:01:40 | 21.0 | NULL | NULL
--| 2026-01-01 00:03:29.999 | 98.0 | NULL | NULL
--| 2026-01-01 00:10:30 | 19.0 | NULL | NULL

--! case a full join of three streams
SELECT STREAM ROWTIME, a."price", b."price" AS b, c."price" AS c
FROM (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 100) OVER (RANGE INTERVAL '30' SECOND PRECEDING) AS a
FULL JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" < 20.5) OVER (RANGE INTERVAL '5' SECOND PRECEDING) AS b ON a.ticker = b.ticker
FULL JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" BETWEEN 19.5 AND 100.7) AS c ON c.ticker = COALESCE(a.ticker, b.ticker);

--! rows
--| 2026-01-01 00:00:07 | NULL | 20.0 | 20.0
--| 2026-01-01 00:00:31 | 100.5 | NULL | 100.5
--| 2026-01-01 00:01:00 | 101.5 | NULL | 99.0
--| 2026-01-01 00:01:10 | NULL | NULL | 21.0
--| 2026-01-01 00:01:10 | NULL | NULL | 21.0
--| 2026-01-01 00:02:59.999 | NULL | NULL | 98.0
--| 2026-01-01 00:10:05 | NULL | 19.0 | NULL

--! case an outer join of streams and a reference table
SELECT STREAM ROWTIME, a.ticker, b."price", c.company
FROM source_sql_stream_001 OVER (RANGE INTERVAL '30' SECOND PRECEDING) AS a
LEFT JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 100) AS b ON a.ticker = b.ticker
LEFT JOIN companies AS c ON c.ticker = a.ticker;

--! rows
--| 2026-01-01 00:00:01 | AMZN | 100.5 | Amazon
--| 2026-01-01 00:00:30 | AMZN | 101.5 | Amazon
--| 2026-01-01 00:00:30 | AMZN | 101.5 | Amazon
--| 2026-01-01 00:00:32 | TBV | NULL | NULL
--| 2026-01-01 00:01:30 | AMZN | NULL | Amazon
--| 2026-01-01 00:01:40 | TBV | NULL | NULL
--| 2026-01-01 00:01:40 | TBV | NULL | NULL
--| 2026-01-01 00:03:29.999 | AMZN | NULL | Amazon
--| 2026-01-01 00:10:30 | TBV | NULL | NULL

--! case functions of the dialect in the condition of a join
SELECT STREAM a.ticker, a."price", b."price" FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a
JOIN source_sql_stream_001 AS b ON SUBSTRING(a.ticker FROM '^..') = SUBSTRING(b.ticker FROM 1 FOR 2) AND FLOOR(a.ROWTIME TO MINUTE) = FLOOR(b.ROWTIME TO MINUTE) AND a."price" <> b."price";

--! rows
--| AMZN | 100.5 | 101.5

--! case rows that are written in the query are a reference table
SELECT STREAM ticker, t.factor * "price" AS p, t.name FROM source_sql_stream_001 AS s JOIN (VALUES ('AMZN', 2, 'Amazon'), ('WAS', 3, 'Wasserstein')) AS t(k, factor, name) ON s.ticker = t.k WHERE "price" > 99;

--! rows
--| AMZN | 201.0 | Amazon
--| AMZN | 203.0 | Amazon

--! case written rows without a match
SELECT STREAM s.ticker, t.* FROM source_sql_stream_001 AS s LEFT JOIN (VALUES ('AMZN', 2)) AS t ON s.ticker = t.EXPR$0 WHERE "price" < 99;

--! rows
--| AMZN | AMZN | 2
--| TBV | NULL | NULL
--| TBV | NULL | NULL
--| TBV | NULL | NULL
--| TBV | NULL | NULL

--! case written rows with other names than columns
SELECT STREAM s.ticker FROM source_sql_stream_001 AS s JOIN (VALUES ('AMZN', 2)) AS t(k) ON s.ticker = t.k;

--! rows
--| error: TM-SQL-0002: T has more columns than are named

--! case written rows are no stream
SELECT STREAM * FROM (VALUES ('AMZN', 2)) AS t(k, n);

--! rows
--| error: TM-SQL-0004: a query needs a stream in FROM; an input is a stream if its CREATE TABLE has a column ROWTIME with a WATERMARK

--! case pieces of texts by place
SELECT STREAM SUBSTRING('123456789' FROM 3 FOR 4) AS a, SUBSTRING('123456789' FROM 17 FOR 4) AS b, SUBSTRING('123456789' FROM -1 FOR 4) AS c, SUBSTRING('123456789' FROM 6 FOR 0) AS d,
  SUBSTRING('123456789' FROM 8 FOR 4) AS e, SUBSTRING('123456789', 7, 4) AS f, SUBSTRING('123456789', 3) AS g, SUBSTRING(NULL FROM 2) AS h, SUBSTRING('é1é2' FROM 2 FOR 2) AS i
FROM source_sql_stream_001 WHERE "price" = 98;

--! rows
--| 3456 |  | 12 |  | 89 | 789 | 3456789 | NULL | 1é

--! case pieces of texts by patterns
SELECT STREAM SUBSTRING('TECHNOLOGY' FROM 'L[A-Z]*') AS a, SUBSTRING('TECHNOLOGY' FROM 'FOO') AS b, SUBSTRING('TECHNOLOGY' FROM 'O[A-Z]') AS c,
  SUBSTRING('123456789' SIMILAR '23#"456#"78' ESCAPE '#') AS d, SUBSTRING('TECHNOLOGY' SIMILAR 'TECH%"NOLO%"GY' ESCAPE '%') AS e,
  SUBSTRING('abc123def' SIMILAR '%#"[0-9]+#"%' ESCAPE '#') AS f, SUBSTRING(ticker SIMILAR 'B#"_#"' ESCAPE '#') AS g, SUBSTRING(ticker SIMILAR 'A#"_#"Z%' ESCAPE '#') AS h
FROM source_sql_stream_001 WHERE "price" = 98;

--! rows
--| LOGY | NULL | OL | 456 | NOLO | 123 | NULL | M

--! case a pattern without its three parts is an error
CREATE TABLE "errors" ("message" STRING) WITH ('connector' = 'filesystem', 'path' = 'errors', 'format' = 'json');
SET 'pipeline.error-table' = 'errors';
SELECT STREAM SUBSTRING(ticker SIMILAR 'A' ESCAPE '#') AS a FROM source_sql_stream_001 WHERE "price" = 98;
--! then
-- dialect: streaming
SELECT * FROM errors;

--! rows
--| SUBSTRING … SIMILAR 'A': the part to give stands between #" and #"

--! case a window over a sub-query
SELECT STREAM a.p, b."price" FROM (SELECT STREAM ticker, "price" AS p FROM source_sql_stream_001 WHERE "price" > 20) OVER w AS a
JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker WINDOW w AS (RANGE INTERVAL '1' MINUTE PRECEDING);

--! rows
--| 100.5 | 100.5
--| 100.5 | 101.5
--| 100.5 | 99.0
--| 101.5 | 101.5
--| 101.5 | 99.0
--| 21.0 | 21.0
--| 21.0 | 21.0
--| 21.0 | 21.0
--| 21.0 | 21.0
--| 98.0 | 98.0
--| 99.0 | 99.0

--! case forests are not built
SELECT STREAM * FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM * FROM source_sql_stream_001), 100, 256, 100000, 1));
--! rows
--| error: TM-SQL-0004: RANDOM_CUT_FOREST is not built

--! case streams can't be dropped
DROP STREAM s;
--! rows
--| error: TM-SQL-0004: DROP STREAM is not built; leave the statement out: streams are made anew with each start

--! case pumps can't be altered
ALTER PUMP p START;
--! rows
--| error: TM-SQL-0004: ALTER is no statement here; leave the statement out: pumps run as CREATE PUMP says, STOPPED or not

--! case rows in order in each period
CREATE STREAM ordered (ticker VARCHAR(4), price DOUBLE, at_time TIMESTAMP);
CREATE PUMP p AS INSERT INTO ordered
SELECT STREAM ticker, "price", ROWTIME AS at_time FROM source_sql_stream_001 AS s ORDER BY FLOOR(s.ROWTIME TO MINUTE), "price" DESC;
SELECT STREAM o.ROWTIME AS "end", at_time, price, LAG(price) OVER (ROWS 1 PRECEDING) AS before FROM ordered AS o;

--! rows
--| 2026-01-01 00:01:00 | 2026-01-01 00:00:01 | 100.5 | 101.5
--| 2026-01-01 00:01:00 | 2026-01-01 00:00:02 | 20.0 | 100.5
--| 2026-01-01 00:01:00 | 2026-01-01 00:00:30 | 101.5 | NULL
--| 2026-01-01 00:02:00 | 2026-01-01 00:01:00 | 99.0 | 20.0
--| 2026-01-01 00:02:00 | 2026-01-01 00:01:10 | 21.0 | 21.0
--| 2026-01-01 00:02:00 | 2026-01-01 00:01:10 | 21.0 | 99.0
--| 2026-01-01 00:03:00 | 2026-01-01 00:02:59.999 | 98.0 | 21.0
--| 2026-01-01 00:11:00 | 2026-01-01 00:10:00 | 19.0 | 98.0

--! case the order of groups in their window
CREATE STREAM counts (ticker VARCHAR(4), n BIGINT);
CREATE PUMP p AS INSERT INTO counts
SELECT STREAM ticker, COUNT(*) AS n FROM source_sql_stream_001 AS s GROUP BY ticker, STEP(s.ROWTIME BY INTERVAL '60' SECOND)
ORDER BY STEP(s.ROWTIME BY INTERVAL '60' SECOND), n DESC, ticker DESC;
SELECT STREAM c.ROWTIME AS "end", ticker, n, LAG(ticker) OVER (ROWS 1 PRECEDING) AS before FROM counts AS c;

--! rows
--| 2026-01-01 00:01:00 | AMZN | 2 | NULL
--| 2026-01-01 00:01:00 | TBV | 1 | AMZN
--| 2026-01-01 00:02:00 | AMZN | 1 | TBV
--| 2026-01-01 00:02:00 | TBV | 2 | TBV
--| 2026-01-01 00:03:00 | AMZN | 1 | AMZN
--| 2026-01-01 00:11:00 | TBV | 1 | AMZN

--! case an order by places
SELECT STREAM FLOOR(s.ROWTIME TO MINUTE) AS "minute", ticker FROM source_sql_stream_001 AS s ORDER BY 1, 2 DESC;

--! rows
--| 2026-01-01 00:00:00 | AMZN
--| 2026-01-01 00:00:00 | AMZN
--| 2026-01-01 00:00:00 | TBV
--| 2026-01-01 00:01:00 | AMZN
--| 2026-01-01 00:01:00 | TBV
--| 2026-01-01 00:01:00 | TBV
--| 2026-01-01 00:02:00 | AMZN
--| 2026-01-01 00:10:00 | TBV

--! case streams are not ordered by other columns alone
SELECT STREAM ticker FROM source_sql_stream_001 ORDER BY "price";

--! rows
--| error: TM-SQL-0004: ORDER BY of a stream begins with a period of ROWTIME; write ORDER BY FLOOR(s.ROWTIME TO MINUTE), …, or leave it out: rows are in the order of ROWTIME

--! case error_stream is the system's
CREATE STREAM error_stream (a INTEGER);
--! rows
--| error: TM-SQL-0005: error_stream belongs to the system; choose another name

--! case distinct counts in windows, and conditions of aggregates
SELECT STREAM COUNT(DISTINCT ticker) AS n, COUNT(*) FILTER (WHERE "price" > 20) AS some FROM source_sql_stream_001 AS s GROUP BY FLOOR(s.ROWTIME TO MINUTE);
--! rows
--| 1 | 0
--| 1 | 1
--| 2 | 2
--| 2 | 3

--! case numbers of the dialect
SELECT STREAM 5 / 2 AS a, 5.0 / 2 AS b, MOD(-7, 3) AS c, POWER(2, 3) AS d, LOG10(100) AS e, CEIL("price") AS f, ABS(-1) AS g FROM source_sql_stream_001 WHERE "price" = 100.5;
--! rows
--| 2 | 2.500000000000 | -1 | 8.0 | 2.0 | 101.0 | 1

--! case texts of the dialect
SELECT STREAM INITCAP('ab cd') AS a, OVERLAY('abcdef' PLACING 'x' FROM 2 FOR 3) AS b, POSITION('c' IN 'abc') AS c, SUBSTRING('abcdef' FROM 2 FOR 2) AS d,
  TRIM(BOTH ' ' FROM ' a ') AS e, CHARACTER_LENGTH('abc') AS f, UPPER('a') || LOWER('B') AS g, NULLIF(1, 1) AS h, COALESCE(NULL, 'z') AS i
FROM source_sql_stream_001 WHERE "price" = 100.5;
--! rows
--| Ab Cd | axef | 3 | bc | a | 3 | Ab | NULL | z

--! case pieces of times
SELECT STREAM EXTRACT(YEAR FROM s.ROWTIME) AS y, EXTRACT(SECOND FROM s.ROWTIME) AS sec, CEIL(s.ROWTIME TO HOUR) AS h, s.ROWTIME - INTERVAL '1:30' MINUTE TO SECOND AS "before",
  CHAR_TO_TIMESTAMP('yyyy-MM-dd HH:mm', '2026-02-03 04:05 and more') AS t, TO_TIMESTAMP(1000) AS u
FROM source_sql_stream_001 AS s WHERE "price" = 98;
--! rows
--| 2026 | 59.999 | 2026-01-01 01:00:00 | 2026-01-01 00:01:29.999 | 2026-02-03 04:05:00 | 1970-01-01 00:00:01

--! case joined streams and a reference table
SELECT STREAM a.ticker, a."price", b."price" AS later, c.company
FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a
JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker AND a."price" <> b."price"
LEFT JOIN companies AS c ON c.ticker = a.ticker;
--! rows
--| AMZN | 100.5 | 101.5 | Amazon
--| AMZN | 100.5 | 99.0 | Amazon
--| AMZN | 101.5 | 99.0 | Amazon

--! case times are cut to units that have no length
SELECT STREAM FLOOR(s.ROWTIME TO MONTH) AS m, CEIL(s.ROWTIME TO MONTH) AS next, CEIL(s.ROWTIME TO YEAR) AS y, FLOOR(s.ROWTIME TO WEEK) AS w FROM source_sql_stream_001 AS s WHERE "price" = 98;
--! rows
--| 2026-01-01 00:00:00 | 2026-02-01 00:00:00 | 2027-01-01 00:00:00 | 2025-12-28 00:00:00

--! case intervals times numbers
SELECT STREAM (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') SECOND * 2 > INTERVAL '1' MINUTE AS late, EXTRACT(SECOND FROM (s.ROWTIME - TIMESTAMP '2026-01-01 00:00:00') SECOND / 4) AS quarter,
  s.ROWTIME + INTERVAL '10' SECOND * 3 AS later FROM source_sql_stream_001 AS s WHERE "price" > 99;

--! rows
--| false | 0.250 | 2026-01-01 00:00:31
--| false | 7.500 | 2026-01-01 00:01:00

--! case logarithms of what is not positive are errors
CREATE TABLE "errors" ("message" STRING) WITH ('connector' = 'filesystem', 'path' = 'errors', 'format' = 'json');
SET 'pipeline.error-table' = 'errors';
SELECT STREAM LN("price" - 20), LOG10("price" - 19) FROM source_sql_stream_001 WHERE "price" < 22;
--! then
-- dialect: streaming
SELECT * FROM errors;

--! rows
--| 0.0 | 0.3010299956639812
--| 0.0 | 0.3010299956639812
--| a logarithm of -1: it must be more than 0
--| a logarithm of 0: it must be more than 0

--! case times of the clock
SELECT STREAM CURRENT_ROW_TIMESTAMP IS NOT NULL AS a, LOCALTIME IS NOT NULL AS b, CURRENT_TIME IS NOT NULL AS c, CURRENT_DATE IS NOT NULL AS d FROM source_sql_stream_001 WHERE "price" = 98;

--! rows
--| true | true | true | true

--! case what never falls, by the writer's word
SELECT STREAM MONOTONIC("price") AS p FROM source_sql_stream_001 WHERE "price" = 98;

--! rows
--| 98.0

--! case reference tables in conditions
SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE ticker IN (SELECT ticker FROM companies) AND "price" > 99;

--! rows
--| AMZN | 100.5
--| AMZN | 101.5

--! case two streams and commas
SELECT STREAM a.ticker, a."price", b."price" AS earlier FROM source_sql_stream_001 AS a, source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS b WHERE a.ticker = b.ticker AND a."price" > b."price";
--! rows
--| AMZN | 101.5 | 100.5

--! case views of streams
CREATE VIEW dear (t, p) AS SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 100;
SELECT STREAM t, COUNT(*) OVER (PARTITION BY t RANGE INTERVAL '1' MINUTE PRECEDING) AS n, ROWTIME FROM dear;

--! rows
--| AMZN | 1 | 2026-01-01 00:00:01
--| AMZN | 2 | 2026-01-01 00:00:30

--! case reference tables and commas
SELECT STREAM s.ticker, c.company FROM source_sql_stream_001 AS s, companies AS c WHERE s.ticker = c.ticker AND "price" > 100;

--! rows
--| AMZN | Amazon
--| AMZN | Amazon

--! case reference tables and CROSS JOIN
EXPLAIN SELECT STREAM s.ticker, c.company FROM source_sql_stream_001 AS s CROSS JOIN companies AS c WHERE s.ticker = c.ticker AND "price" > 100;

--! rows
--| sink terminal: rows to the terminal
--|   calc-3: select TICKER, COMPANY
--|     reference join: Inner; by S.TICKER = C.TICKER; keeps the table
--|       calc: where price@1 > 100, select TICKER, ROWTIME, key by [0]
--|         source SOURCE_SQL_STREAM_001: filesystem: TICKER, price, ROWTIME; replays, ends; keeps positions
--|       calc-2: key by [0]
--|         source COMPANIES: filesystem: TICKER, COMPANY; replays, ends; keeps positions

--! case other spellings
SELECT STREAM TRIM(TRAILING FROM ticker || '  ') || '!' AS a, CEILING("price" / 3) AS b, u&'\0041b' AS c, u&'!0042!!c!+01F600' UESCAPE '!' AS d, CAST(s.ROWTIME AS VARCHAR(23)) AS e FROM source_sql_stream_001 AS s WHERE "price" = 98;

--! rows
--| AMZN! | 33.0 | Ab | B!c😀 | 2026-01-01 00:02:59.999

--! case a joined stream's window between ends
SELECT STREAM a."price", b."price" AS later FROM source_sql_stream_001 OVER (RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS a JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker AND a."price" < b."price";

--! rows
--| 100.5 | 101.5

--! case a joined stream's window reaches to both sides
SELECT STREAM a."price" FROM source_sql_stream_001 OVER (RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND INTERVAL '1' MINUTE FOLLOWING) AS a JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker;

--! rows
--| 100.5
--| 100.5
--| 100.5
--| 101.5
--| 101.5
--| 101.5
--| 19.0
--| 20.0
--| 21.0
--| 21.0
--| 21.0
--| 21.0
--| 98.0
--| 99.0
--| 99.0
--| 99.0

--! case streams are filled by pumps
CREATE STREAM s (a VARCHAR(4));
INSERT INTO s SELECT STREAM ticker FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0002: 'S' is a stream, not a table; pumps fill streams: CREATE PUMP … AS INSERT INTO …

--! file changes.jsonl
--| {"data":{"id":1,"v":10,"at":"2026-01-01 00:00:01"},"metadata":{"record-type":"data","operation":"insert","timestamp":"2026-01-01T00:00:01Z"}}
--| {"data":{"id":2,"v":20,"at":"2026-01-01 00:00:02"},"metadata":{"record-type":"data","operation":"insert","timestamp":"2026-01-01T00:00:02Z"}}
--| {"data":{"id":1,"v":11,"at":"2026-01-01 00:00:03"},"metadata":{"record-type":"data","operation":"update","timestamp":"2026-01-01T00:00:03Z"}}
--| {"data":{"id":2,"v":20,"at":"2026-01-01 00:01:04"},"metadata":{"record-type":"data","operation":"delete","timestamp":"2026-01-01T00:01:04Z"}}

--! case change records replace each other by their key
CREATE TABLE changes_001 ("id" INTEGER, "v" INTEGER, "at" TIMESTAMP(3), ROWTIME AS CAST("at" AS TIMESTAMP(3)), PRIMARY KEY ("id") NOT ENFORCED, WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'changes.jsonl', 'format' = 'dms-json');
CREATE STREAM s (id INTEGER, v INTEGER);
CREATE PUMP p AS INSERT INTO s SELECT STREAM "id", "v" FROM changes_001;
SELECT STREAM * FROM s;

--! rows
--| 1 | 11

--! case a row that is revised has no rows before it
CREATE TABLE changes_001 ("id" INTEGER, "v" INTEGER, "at" TIMESTAMP(3), ROWTIME AS CAST("at" AS TIMESTAMP(3)), PRIMARY KEY ("id") NOT ENFORCED, WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'changes.jsonl', 'format' = 'dms-json');
SELECT STREAM "id", COUNT(*) OVER (ROWS 3 PRECEDING) AS n FROM changes_001;
--! rows
--| error: TM-SQL-0004: OVER needs rows that are not revised; use it before the aggregation or join that revises them

--! case a pump of VALUES
CREATE STREAM thresholds (ticker VARCHAR(4), least DOUBLE, note VARCHAR(8));
CREATE PUMP p AS INSERT INTO thresholds (ticker, least) VALUES ('AMZN', 100), ('TBV', 20.5);
CREATE PUMP q AS INSERT INTO thresholds SELECT STREAM ticker, "price", 'tick' FROM source_sql_stream_001 WHERE "price" < 20;
SELECT STREAM * FROM thresholds;

--! rows
--| AMZN | 100.0 | NULL
--| TBV | 19.0 | tick
--| TBV | 20.5 | NULL

--! case VALUES have the time of the moment
CREATE STREAM s (a INTEGER);
CREATE PUMP p AS INSERT INTO s VALUES (1), (2);
SELECT STREAM a, x.ROWTIME > TIMESTAMP '2026-01-01 00:00:00' AS later FROM s AS x;

--! rows
--| 1 | true
--| 2 | true

--! case ROWTIME among a pump's columns
CREATE STREAM s (a VARCHAR(4), b DOUBLE);
CREATE PUMP p AS INSERT INTO s (b, ROWTIME, a) SELECT STREAM "price", x.ROWTIME, ticker FROM source_sql_stream_001 AS x WHERE "price" > 100;
CREATE PUMP q AS INSERT INTO s (ROWTIME, a) SELECT STREAM y.ROWTIME + INTERVAL '1' HOUR, ticker FROM source_sql_stream_001 AS y WHERE "price" < 20;
SELECT STREAM s.ROWTIME AS "at", a, b FROM s;

--! rows
--| 2026-01-01 00:00:01 | AMZN | 100.5
--| 2026-01-01 00:00:30 | AMZN | 101.5
--| 2026-01-01 01:10:00 | TBV | NULL

--! case ROWTIME among a pump's columns of SELECT *
CREATE STREAM s (a VARCHAR(4), b DOUBLE);
CREATE PUMP p AS INSERT INTO s (ROWTIME, a, b) SELECT STREAM * FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0004: ROWTIME among a pump's columns needs a SELECT that lists its columns; write SELECT STREAM …, x AS ROWTIME

--! case a window that follows
SELECT STREAM b.ticker, b."price", a."price" AS later
FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE FOLLOWING) AS a RIGHT JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker AND a."price" <> b."price";

--! rows
--| AMZN | 100.5 | 101.5
--| AMZN | 100.5 | 99.0
--| AMZN | 101.5 | 99.0
--| AMZN | 98.0 | NULL
--| AMZN | 99.0 | NULL
--| TBV | 19.0 | NULL
--| TBV | 20.0 | NULL
--| TBV | 21.0 | NULL
--| TBV | 21.0 | NULL

--! case a named window on both sides
SELECT STREAM b."price", a."price" AS other
FROM source_sql_stream_001 OVER w AS a JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker AND b.ticker = 'AMZN'
WINDOW w AS (RANGE BETWEEN INTERVAL '30' SECOND PRECEDING AND INTERVAL '30' SECOND FOLLOWING);

--! rows
--| 100.5 | 100.5
--| 100.5 | 101.5
--| 101.5 | 100.5
--| 101.5 | 101.5
--| 101.5 | 99.0
--| 98.0 | 98.0
--| 99.0 | 101.5
--| 99.0 | 99.0

--! case windows that follow, of three streams
SELECT STREAM a."price" FROM source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE FOLLOWING) AS a
JOIN source_sql_stream_001 AS b ON a.ticker = b.ticker JOIN source_sql_stream_001 AS c ON a.ticker = c.ticker;
--! rows
--| 100.5
--| 101.5
--| 101.5
--| 19.0
--| 20.0
--| 21.0
--| 21.0
--| 21.0
--| 21.0
--| 21.0
--| 21.0
--| 21.0
--| 21.0
--| 98.0
--| 99.0
--| 99.0
--| 99.0

--! case FOLLOWING at one of three streams, with rows that stay alone
SELECT STREAM ROWTIME, a."price", b."price" AS b, c."price" AS c
FROM (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 20) AS a
JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" < 102) OVER (RANGE INTERVAL '30' SECOND PRECEDING) AS b ON a.ticker = b.ticker
LEFT JOIN (SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" BETWEEN 98.5 AND 99.5) OVER (RANGE INTERVAL '45' SECOND FOLLOWING) AS c ON c.ticker = a.ticker;

--! rows
--| 2026-01-01 00:00:46 | 100.5 | 100.5 | NULL
--| 2026-01-01 00:00:46 | 101.5 | 100.5 | NULL
--| 2026-01-01 00:01:00 | 101.5 | 101.5 | 99.0
--| 2026-01-01 00:01:00 | 99.0 | 101.5 | 99.0
--| 2026-01-01 00:01:00 | 99.0 | 99.0 | 99.0
--| 2026-01-01 00:01:55 | 21.0 | 21.0 | NULL
--| 2026-01-01 00:01:55 | 21.0 | 21.0 | NULL
--| 2026-01-01 00:01:55 | 21.0 | 21.0 | NULL
--| 2026-01-01 00:01:55 | 21.0 | 21.0 | NULL
--| 2026-01-01 00:03:44.999 | 98.0 | 98.0 | NULL

--! case windows of several kinds in one query see rows in their order
SELECT STREAM s.ROWTIME, ticker, LAG("price") OVER (ROWS 1 PRECEDING) AS before, LAG("price") OVER (PARTITION BY ticker ROWS 1 PRECEDING) AS own,
  SUM("price") OVER (PARTITION BY FLOOR(s.ROWTIME TO MINUTE) ROWS 1 PRECEDING) AS of_minute
FROM source_sql_stream_001 AS s WHERE "price" <> 21;

--! rows
--| 2026-01-01 00:00:01 | AMZN | NULL | NULL | 100.5
--| 2026-01-01 00:00:02 | TBV | 100.5 | NULL | 120.5
--| 2026-01-01 00:00:30 | AMZN | 20.0 | 100.5 | 121.5
--| 2026-01-01 00:01:00 | AMZN | 101.5 | 101.5 | 99.0
--| 2026-01-01 00:02:59.999 | AMZN | 99.0 | 99.0 | 98.0
--| 2026-01-01 00:10:00 | TBV | 98.0 | 20.0 | 19.0

--! case windows behind windows see rows in their order
CREATE STREAM a (ticker VARCHAR(4), n BIGINT);
CREATE PUMP p AS INSERT INTO a SELECT STREAM ticker, COUNT(*) OVER (PARTITION BY ticker RANGE INTERVAL '1' MINUTE PRECEDING) FROM source_sql_stream_001 WHERE "price" <> 21;
SELECT STREAM a.ROWTIME, ticker, n, LAG(ticker) OVER (ROWS 1 PRECEDING) AS before FROM a;

--! rows
--| 2026-01-01 00:00:01 | AMZN | 1 | NULL
--| 2026-01-01 00:00:02 | TBV | 1 | AMZN
--| 2026-01-01 00:00:30 | AMZN | 2 | TBV
--| 2026-01-01 00:01:00 | AMZN | 3 | AMZN
--| 2026-01-01 00:02:59.999 | AMZN | 1 | AMZN
--| 2026-01-01 00:10:00 | TBV | 1 | AMZN

--! case windows over streams that two pumps fill see rows in their order
CREATE STREAM a (ticker VARCHAR(4), p DOUBLE);
CREATE PUMP p AS INSERT INTO a SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE ticker = 'TBV' AND "price" <> 21;
CREATE PUMP q AS INSERT INTO a SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE ticker = 'AMZN';
SELECT STREAM a.ROWTIME, ticker, p, LAG(p) OVER (ROWS 1 PRECEDING) AS before FROM a;

--! rows
--| 2026-01-01 00:00:01 | AMZN | 100.5 | NULL
--| 2026-01-01 00:00:02 | TBV | 20.0 | 100.5
--| 2026-01-01 00:00:30 | AMZN | 101.5 | 20.0
--| 2026-01-01 00:01:00 | AMZN | 99.0 | 101.5
--| 2026-01-01 00:02:59.999 | AMZN | 98.0 | 99.0
--| 2026-01-01 00:10:00 | TBV | 19.0 | 98.0

--! case ROWTIME itself does not make rows distinct
SELECT STREAM DISTINCT ROWTIME, s.ROWTIME AS again, ticker, STEP(s.ROWTIME BY INTERVAL '10' MINUTE) AS period FROM source_sql_stream_001 AS s;

--! rows
--| 2026-01-01 00:00:01 | 2026-01-01 00:00:01 | AMZN | 2026-01-01 00:00:00
--| 2026-01-01 00:00:02 | 2026-01-01 00:00:02 | TBV | 2026-01-01 00:00:00
--| 2026-01-01 00:10:00 | 2026-01-01 00:10:00 | TBV | 2026-01-01 00:10:00

--! case groups by ROWTIME itself
SELECT STREAM s.ROWTIME AS "at", ticker, COUNT(*) AS n FROM source_sql_stream_001 AS s GROUP BY s.ROWTIME, ticker HAVING COUNT(*) > 1;

--! rows
--| 2026-01-01 00:01:10 | TBV | 2

--! case two windows in GROUP BY
SELECT STREAM COUNT(*) FROM source_sql_stream_001 AS s GROUP BY FLOOR(s.ROWTIME TO HOUR), FLOOR(s.ROWTIME TO MINUTE);

--! rows
--| error: TM-SQL-0004: GROUP BY takes one window of ROWTIME; group by the shorter one; FLOOR(x TO HOUR) of it needs no group of its own

--! case an aggregate of a window in WHERE
SELECT STREAM ticker FROM source_sql_stream_001 WHERE COUNT(*) OVER (ROWS 1 PRECEDING) > 1;

--! rows
--| error: TM-SQL-0004: WHERE comes before OVER; filter a query FROM (SELECT STREAM …, … OVER w AS x …) AS t

--! case QUALIFY
SELECT STREAM ticker FROM source_sql_stream_001 QUALIFY COUNT(*) OVER (ROWS 1 PRECEDING) > 1;

--! rows
--| error: TM-SQL-0004: QUALIFY is not of this dialect; filter a query FROM (SELECT STREAM …, … OVER w AS x …) AS t

--! case streams that are put together, in an order
CREATE STREAM s (ticker VARCHAR(4), p DOUBLE);
CREATE PUMP p AS INSERT INTO s
SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" > 100
UNION ALL SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE "price" BETWEEN 20 AND 100 AND "price" <> 21
ORDER BY FLOOR(ROWTIME TO MINUTE), 2 DESC;
SELECT STREAM s.ROWTIME, p, LAG(p) OVER (ROWS 1 PRECEDING) AS before FROM s;

--! rows
--| 2026-01-01 00:01:00 | 100.5 | 101.5
--| 2026-01-01 00:01:00 | 101.5 | NULL
--| 2026-01-01 00:01:00 | 20.0 | 100.5
--| 2026-01-01 00:02:00 | 99.0 | 20.0
--| 2026-01-01 00:03:00 | 98.0 | 99.0

--! file limits.csv
--| AMZN,low,10
--| AMZN,high,101
--| TBV,low,20.5
--| ,none,0

--! case a reference table with several rows of a key
CREATE TABLE limits (ticker VARCHAR(4), name VARCHAR(8), least DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'limits.csv', 'format' = 'csv');
SELECT STREAM s.ticker, "price", l.name FROM source_sql_stream_001 AS s LEFT JOIN limits AS l ON s.ticker = l.ticker AND "price" > l.least;

--! rows
--| AMZN | 100.5 | low
--| AMZN | 101.5 | high
--| AMZN | 101.5 | low
--| AMZN | 98.0 | low
--| AMZN | 99.0 | low
--| TBV | 19.0 | NULL
--| TBV | 20.0 | NULL
--| TBV | 21.0 | low
--| TBV | 21.0 | low

--! case reference tables without equal columns
CREATE TABLE limits (ticker VARCHAR(4), name VARCHAR(8), least DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'limits.csv', 'format' = 'csv');
SELECT STREAM s.ticker, "price", l.name FROM source_sql_stream_001 AS s, limits AS l WHERE "price" < l.least;

--! rows
--| AMZN | 100.5 | high
--| AMZN | 98.0 | high
--| AMZN | 99.0 | high
--| TBV | 19.0 | high
--| TBV | 19.0 | low
--| TBV | 20.0 | high
--| TBV | 20.0 | low
--| TBV | 21.0 | high
--| TBV | 21.0 | high

--! case an outer join with a reference table without equal columns
CREATE TABLE limits (ticker VARCHAR(4), name VARCHAR(8), least DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'limits.csv', 'format' = 'csv');
SELECT STREAM s.ticker, "price", l.name FROM source_sql_stream_001 AS s LEFT JOIN limits AS l ON "price" > l.least AND l.name = 'high';

--! rows
--| AMZN | 100.5 | NULL
--| AMZN | 101.5 | high
--| AMZN | 98.0 | NULL
--| AMZN | 99.0 | NULL
--| TBV | 19.0 | NULL
--| TBV | 20.0 | NULL
--| TBV | 21.0 | NULL
--| TBV | 21.0 | NULL

--! case a reference table comes first
SELECT STREAM * FROM companies AS c RIGHT JOIN source_sql_stream_001 AS s ON s.ticker = c.ticker WHERE "price" > 100 OR "price" < 20;

--! rows
--| AMZN | Amazon | AMZN | 100.5
--| AMZN | Amazon | AMZN | 101.5
--| NULL | NULL | TBV | 19.0

--! case a reference table comes first, and a comma
SELECT STREAM c.company, COUNT(*) OVER (PARTITION BY s.ticker ROWS 9 PRECEDING) AS n FROM companies AS c, source_sql_stream_001 AS s WHERE s.ticker = c.ticker;

--! rows
--| Amazon | 1
--| Amazon | 2
--| Amazon | 3
--| Amazon | 4

--! case a reference table whose rows would all be kept
SELECT STREAM s.ticker FROM source_sql_stream_001 AS s RIGHT JOIN companies AS c ON s.ticker = c.ticker;

--! rows
--| error: TM-SQL-0004: a RIGHT or FULL join with a reference table would wait for the end of the stream; write LEFT JOIN: each row of the stream is kept

--! case a sub-query of reference tables
SELECT STREAM s.ticker, c.company, "price" FROM source_sql_stream_001 AS s
JOIN (SELECT ticker, UPPER(company) AS company FROM companies WHERE ticker <> 'WAS') AS c ON s.ticker = c.ticker WHERE "price" > 100;

--! rows
--| AMZN | AMAZON | 100.5
--| AMZN | AMAZON | 101.5

--! case a sub-query of reference tables with names of its own
CREATE TABLE limits (ticker VARCHAR(4), name VARCHAR(8), least DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'limits.csv', 'format' = 'csv');
SELECT STREAM s.ticker, l.k, l.m FROM source_sql_stream_001 AS s JOIN (SELECT ticker, MIN(least) FROM limits GROUP BY ticker) AS l(k, m) ON l.k = s.ticker WHERE "price" > 100 OR "price" < 20;

--! rows
--| AMZN | AMZN | 10.0
--| AMZN | AMZN | 10.0
--| TBV | TBV | 20.5

--! case conditions on reference tables revise nothing
CREATE STREAM s (ticker VARCHAR(4), p DOUBLE);
CREATE PUMP p AS INSERT INTO s SELECT STREAM ticker, "price" FROM source_sql_stream_001 WHERE ticker NOT IN (SELECT ticker FROM companies);
CREATE PUMP q AS INSERT INTO s SELECT STREAM ticker, "price" + 1000 FROM source_sql_stream_001 WHERE EXISTS (SELECT 1 FROM companies AS c WHERE c.ticker = source_sql_stream_001.ticker);
SELECT STREAM ticker, p, COUNT(*) OVER (PARTITION BY ticker ROWS 9 PRECEDING) AS n FROM s;

--! rows
--| AMZN | 1098.0 | 4
--| AMZN | 1099.0 | 3
--| AMZN | 1100.5 | 1
--| AMZN | 1101.5 | 2
--| TBV | 19.0 | 4
--| TBV | 20.0 | 1
--| TBV | 21.0 | 2
--| TBV | 21.0 | 3

--! case nothing is in a reference table with a NULL
CREATE TABLE limits (ticker VARCHAR(4), name VARCHAR(8), least DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'limits.csv', 'format' = 'csv');
SELECT STREAM ticker FROM source_sql_stream_001 WHERE ticker NOT IN (SELECT NULLIF(ticker, '') FROM limits WHERE name = 'none');

--! rows

--! case one value of a reference table
CREATE TABLE limits (ticker VARCHAR(4), name VARCHAR(8), least DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'limits.csv', 'format' = 'csv');
SELECT STREAM ticker, "price", COUNT(*) OVER (ROWS 9 PRECEDING) AS n FROM source_sql_stream_001 WHERE "price" > (SELECT MAX(least) FROM limits) - 1;

--! rows
--| AMZN | 100.5 | 1
--| AMZN | 101.5 | 2

--! case a stopped pump's stream is empty
CREATE STREAM s (a VARCHAR(4));
CREATE PUMP p STOPPED DESCRIPTION 'later' AS INSERT INTO s SELECT STREAM ticker FROM source_sql_stream_001;
CREATE STREAM t (a VARCHAR(4), n BIGINT);
CREATE PUMP q AS INSERT INTO t SELECT STREAM a, COUNT(*) FROM s GROUP BY a, FLOOR(s.ROWTIME TO MINUTE);
CREATE PUMP r AS INSERT INTO t (a) SELECT STREAM ticker FROM source_sql_stream_001 WHERE "price" < 20;
SELECT STREAM * FROM t;

--! rows
--| TBV | NULL

--! case error_stream is not read
SELECT STREAM * FROM error_stream;

--! rows
--| error: TM-SQL-0004: error_stream belongs to the system and can't be read; bind an output to it: [[outputs]] with stream = "error_stream"

--! case error_stream is not written
CREATE PUMP p AS INSERT INTO error_stream SELECT STREAM ticker FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0004: error_stream belongs to the system and can't be written; bind an output to it: [[outputs]] with stream = "error_stream"

--! case functions with all that may be said of them
CREATE OR REPLACE FUNCTION f (x DOUBLE, y VARCHAR(4)) RETURNS VARCHAR(8) LANGUAGE SQL SPECIFIC f_1 NOT DETERMINISTIC MODIFIES SQL DATA CALLED ON NULL INPUT RETURN y || '!';
SELECT STREAM f("price", ticker) AS a, F(1, NULL) AS b FROM source_sql_stream_001 WHERE "price" < 20;

--! rows
--| TBV! | NULL

--! case a text that is too long for its cast is an error
CREATE TABLE "errors" ("message" STRING) WITH ('connector' = 'filesystem', 'path' = 'errors', 'format' = 'json');
SET 'pipeline.error-table' = 'errors';
SELECT STREAM CAST(ticker AS VARCHAR(3)) AS a, CAST("price" AS VARCHAR(8)) AS b FROM source_sql_stream_001 WHERE "price" < 20 OR "price" > 101;
--! then
-- dialect: streaming
SELECT * FROM errors;

--! rows
--| TBV | 19.0
--| CAST to VARCHAR(3): the text has 4 characters

--! case predicates of the dialect
SELECT STREAM ticker BETWEEN ASYMMETRIC 'A' AND 'B' AS a, "price" NOT BETWEEN SYMMETRIC 30 AND 10 AS b, (ticker = 'X') IS UNKNOWN AS c, UNKNOWN IS NULL AS d, UNKNOWN OR TRUE AS e,
  PERIOD (s.ROWTIME, s.ROWTIME + INTERVAL '1' HOUR) OVERLAPS PERIOD (s.ROWTIME - INTERVAL '1' HOUR, s.ROWTIME + INTERVAL '1' MINUTE) AS f
FROM source_sql_stream_001 AS s WHERE "price" < 20;

--! rows
--| false | false | false | true | true | true

--! case other comparisons of periods are not built
SELECT STREAM ticker FROM source_sql_stream_001 AS s WHERE (s.ROWTIME, s.ROWTIME) IMMEDIATELY PRECEDES (s.ROWTIME, s.ROWTIME);

--! rows
--| error: TM-SQL-0004: the period predicate IMMEDIATELY is not built; compare the begins and ends of both by <, <= and =; OVERLAPS is built

--! case a column's name that is no comparison of periods
SELECT STREAM COUNT(*) leads, (1) lags FROM source_sql_stream_001 AS s GROUP BY FLOOR(s.ROWTIME TO HOUR);

--! rows
--| 8 | 1

--! case the current row as a joined stream's window
SELECT STREAM a."price", b."price" AS earlier FROM source_sql_stream_001 OVER (RANGE CURRENT ROW) AS a JOIN source_sql_stream_001 OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS b
ON a.ticker = b.ticker AND a."price" < b."price";

--! rows
--| 99.0 | 100.5
--| 99.0 | 101.5

--! case whole numbers stay whole
SELECT STREAM FLOOR(5) / 2 AS a, CEILING(CHAR_LENGTH(ticker)) AS b, FLOOR("price") AS c FROM source_sql_stream_001 WHERE "price" = 100.5;

--! rows
--| 2 | 4 | 100.0

--! case schemas and foreign streams
CREATE FOREIGN STREAM s (a INTEGER) SERVER x;

--! rows
--| error: TM-SQL-0004: CREATE FOREIGN is not built; declare the input by CREATE TABLE … WITH ('connector' = …)

--! case a text is no number for a pump
CREATE STREAM s (a INTEGER);
CREATE PUMP p AS INSERT INTO s SELECT STREAM ticker FROM source_sql_stream_001;

--! rows
--| error: TM-SQL-0003: column TICKER is VARCHAR, column "A" of stream "S" is INT; write CAST(… AS INT)

--! case the time of a row is a time
CREATE STREAM s (a VARCHAR(4));
CREATE PUMP p AS INSERT INTO s SELECT STREAM ticker, ticker AS ROWTIME FROM source_sql_stream_001;
SELECT STREAM s.ROWTIME, a FROM s;

--! rows
--| error: TM-SQL-0003: ROWTIME is a TIMESTAMP, what is selected as it is STRING; write CAST(… AS TIMESTAMP) AS ROWTIME

--! case a row without its new time is an error
CREATE TABLE "errors" ("message" STRING) WITH ('connector' = 'filesystem', 'path' = 'errors', 'format' = 'json');
SET 'pipeline.error-table' = 'errors';
CREATE STREAM s (a VARCHAR(4));
CREATE PUMP p AS INSERT INTO s SELECT STREAM ticker, CASE WHEN "price" > 100 THEN x.ROWTIME END AS ROWTIME FROM source_sql_stream_001 AS x WHERE "price" > 99.5 OR "price" < 20;
SELECT STREAM s.ROWTIME, a FROM s;
--! then
-- dialect: streaming
SELECT * FROM errors;

--! rows
--| 2026-01-01 00:00:01 | AMZN
--| 2026-01-01 00:00:30 | AMZN
--| its ROWTIME is NULL

--! file weather.csv
--| Denver,29,2018-11-01 01:00:00
--| Anchorage,2,2018-11-01 01:00:00
--| Denver,32,2018-11-01 07:00:00
--| Denver,50,2018-11-01 13:00:00
--| Denver,43,2018-11-01 19:00:00
--| Denver,39,2018-11-02 01:00:00
--| Denver,46,2018-11-02 01:00:00.001

--! case a row exactly as old as the range is in it, and averages of integers are integers
CREATE TABLE weather (city VARCHAR(16), temp INTEGER, ROWTIME TIMESTAMP(3), WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'weather.csv', 'format' = 'csv');
SELECT STREAM w.ROWTIME AS "at", city, MIN(temp) OVER d AS least, AVG(temp) OVER d AS average, COUNT(*) OVER d AS n
FROM weather AS w WINDOW d AS (PARTITION BY city RANGE INTERVAL '1' DAY PRECEDING);
--! rows
--| 2018-11-01 01:00:00 | Anchorage | 2 | 2 | 1
--| 2018-11-01 01:00:00 | Denver | 29 | 29 | 1
--| 2018-11-01 07:00:00 | Denver | 29 | 30 | 2
--| 2018-11-01 13:00:00 | Denver | 29 | 37 | 3
--| 2018-11-01 19:00:00 | Denver | 29 | 38 | 4
--| 2018-11-02 01:00:00 | Denver | 29 | 38 | 5
--| 2018-11-02 01:00:00.001 | Denver | 32 | 42 | 5
