-- Projections and filters.

--! file bids.csv
--| 1,10,100.5,shoes,2026-01-01 00:00:01
--| 2,20,,hats,2026-01-01 00:00:02
--| 3,10,7.25,,2026-01-01 00:00:03
--| 4,30,12,shoes,2026-01-01 00:00:12
--| 5,20,99.99,bags,2026-01-01 00:00:21

--! setup
CREATE TABLE bids (
  auction INT,
  bidder BIGINT,
  price DOUBLE,
  item STRING,
  ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv', 'csv.null-literal' = '');

--! case all columns
SELECT * FROM bids;

--! rows
--| 1 | 10 | 100.5 | shoes | 2026-01-01 00:00:01
--| 2 | 20 | NULL | hats | 2026-01-01 00:00:02
--| 3 | 10 | 7.25 | NULL | 2026-01-01 00:00:03
--| 4 | 30 | 12.0 | shoes | 2026-01-01 00:00:12
--| 5 | 20 | 99.99 | bags | 2026-01-01 00:00:21

--! case a filter and an expression
SELECT auction, price * 2 AS twice FROM bids WHERE price > 10;

--! rows
--| 1 | 201.0
--| 4 | 24.0
--| 5 | 199.98

--! case a double is compared with a decimal as a double
SELECT auction FROM bids WHERE price > 99.5 AND price < 99.999;

--! rows
--| 5

--! case nulls pass no comparison
SELECT auction FROM bids WHERE NOT (price > 10);

--! rows
--| 3

--! case is null
SELECT auction, item IS NULL FROM bids WHERE price IS NULL OR item IS NULL;

--! rows
--| 2 | false
--| 3 | true

--! case case, coalesce, nullif
SELECT auction, CASE WHEN price > 50 THEN 'high' WHEN price > 10 THEN 'low' ELSE 'other' END, COALESCE(item, '-'), NULLIF(bidder, 10) FROM bids;

--! rows
--| 1 | high | shoes | NULL
--| 2 | other | hats | 20
--| 3 | other | - | NULL
--| 4 | low | shoes | 30
--| 5 | high | bags | 20

--! case integers divide to integers
SELECT auction, bidder / 3, bidder % 3, -auction FROM bids;

--! rows
--| 1 | 3 | 1 | -1
--| 2 | 6 | 2 | -2
--| 3 | 3 | 1 | -3
--| 4 | 10 | 0 | -4
--| 5 | 6 | 2 | -5

--! case texts
SELECT UPPER(item), CHAR_LENGTH(item), item || '!', SUBSTRING(item FROM 2 FOR 3), TRIM(' x ') FROM bids WHERE item LIKE 's%' AND auction < 4;

--! rows
--| SHOES | 5 | shoes! | hoe | x

--! case in, between, like
SELECT auction FROM bids WHERE auction IN (1, 3, 5) AND bidder BETWEEN 10 AND 15;

--! rows
--| 1
--| 3

--! case casts
SELECT CAST(auction AS STRING), CAST(price AS INT), CAST('2026-01-02 03:04:05' AS TIMESTAMP(3)), CAST(bidder AS DECIMAL(10, 2)) FROM bids WHERE auction = 1;

--! rows
--| 1 | 100 | 2026-01-02 03:04:05 | 10.00

--! case times
SELECT ts + INTERVAL '1' MINUTE, EXTRACT(SECOND FROM ts), CAST(ts AS DATE) FROM bids WHERE auction = 4;

--! rows
--| 2026-01-01 00:01:12 | 12 | 2026-01-01

--! case a view of a view
CREATE VIEW shoes AS SELECT auction, price FROM bids WHERE item = 'shoes';
CREATE VIEW dear (id, cost) AS SELECT auction, price FROM shoes WHERE price > 50;
SELECT id, cost FROM dear;

--! rows
--| 1 | 100.5

--! case a query in FROM, and WITH
WITH high AS (SELECT * FROM bids WHERE price > 50) SELECT h.auction FROM (SELECT auction, price FROM high) AS h WHERE h.price < 100;

--! rows
--| 5

--! case union all
SELECT auction FROM bids WHERE auction < 3 UNION ALL SELECT auction FROM bids WHERE auction < 2;

--! rows
--| 1
--| 1
--| 2

--! case values
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t (n, c) WHERE n > 1;

--! rows
--| 2 | b

--! case a query without a table
SELECT 1 + 1, 'x';

--! rows
--| 2 | x

--! case a computed column
CREATE TABLE more (auction INT, bidder BIGINT, price DOUBLE, item STRING, ts TIMESTAMP(3), cents AS CAST(price * 100 AS BIGINT), day_of AS CAST(ts AS DATE))
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv', 'csv.null-literal' = '');
SELECT auction, cents, day_of FROM more WHERE cents > 1000;

--! rows
--| 1 | 10050 | 2026-01-01
--| 4 | 1200 | 2026-01-01
--| 5 | 9999 | 2026-01-01

--! case a function of SQL
--! flink differs: its functions are classes of Java, Scala or Python
CREATE FUNCTION with_tax(amount DOUBLE, percent INT) RETURNS DOUBLE RETURN amount * (100 + percent) / 100;
SELECT auction, with_tax(price, 10) FROM bids WHERE auction = 4;

--! rows
--| 4 | 13.2

--! case a table like another
CREATE TABLE same LIKE bids;
SELECT COUNT(*) FROM same;

--! rows
--| 5

--! case describe and show
--! flink differs: these are no rows of a query, so that they are not compared
CREATE VIEW v AS SELECT auction FROM bids;
DESCRIBE bids;
SHOW TABLES;
SHOW VIEWS;

--! rows
--| auction | INT | true |  |  |  |
--| bidder | BIGINT | true |  |  |  |
--| price | DOUBLE | true |  |  |  |
--| item | STRING | true |  |  |  |
--| ts | TIMESTAMP(3) | true |  |  | ts - INTERVAL '5' SECOND |
--| bids
--| v
--| v

--! case a setting
SET 'table.exec.state.ttl' = '1 h';
SELECT auction FROM bids WHERE auction = 1;

--! rows
--| 1

--! case an unknown column
SELECT auctoin FROM bids;

--! rows
--| error: TM-SQL-0002: there is no column 'auctoin'; did you mean 'auction'?

--! case an unknown table
SELECT * FROM bid;

--! rows
--| error: TM-SQL-0002: there is no table or view 'bid'; did you mean 'bids'?

--! case an unknown function
SELECT uper(item) FROM bids;

--! rows
--| error: TM-SQL-0002: Invalid function 'uper'; did you mean 'upper'?

--! case a text is no number
SELECT auction FROM bids WHERE item > 3 + TRUE;

--! rows
--| error: TM-SQL-0003: Cannot coerce arithmetic expression Int64 + Boolean to valid types

--! case an insert of another type
CREATE TABLE out (a STRING) WITH ('connector' = 'blackhole');
INSERT INTO out SELECT auction FROM bids;

--! rows
--| error: TM-SQL-0003: column 'auction' is INT, column 'a' of table 'out' is STRING; write CAST(auction AS STRING)

--! case an insert of too many columns
CREATE TABLE out (a INT) WITH ('connector' = 'blackhole');
INSERT INTO out SELECT auction, item FROM bids;

--! rows
--| error: TM-SQL-0003: the query has 2 columns (auction INT, item STRING), table 'out' takes 1 (a INT)

--! file numbers.jsonl
--| {"n": "12", "by": 4}
--| {"n": "twelve", "by": 4}
--| {"n": "7", "by": 0}
--| {"n": 
--| {"n": "8", "by": 3}

--! case what can't be worked on goes into the error table
CREATE TABLE numbers (n STRING, `by` INT) WITH ('connector' = 'filesystem', 'path' = 'numbers.jsonl', 'format' = 'json');
CREATE TABLE failed (error_level STRING, error_name STRING, message STRING, data_row BYTES, pump_name STRING)
  WITH ('connector' = 'filesystem', 'path' = 'failed', 'format' = 'json');
SET 'pipeline.error-table' = 'failed';
SELECT CAST(n AS INT) / `by` FROM numbers;
--! then
CREATE TABLE seen (error_level STRING, error_name STRING, message STRING, data_row STRING, pump_name STRING)
  WITH ('connector' = 'filesystem', 'path' = 'failed', 'format' = 'json');
SELECT * FROM seen;
--! flink differs: its sources and casts fail the job
--! rows
--| 2
--| 3
--| ERROR | Failed row | Cannot cast string 'twelve' to value of Int32 type | eyJuIjoidHdlbHZlIiwiYnkiOjR9 | calc
--| ERROR | Failed row | division by zero | eyJuIjoiNyIsImJ5IjowfQ== | calc
--| ERROR | Unreadable record | $.n: malformed JSON: expected a value at byte 6, found the end of the record | eyJuIjog | numbers

--! case an error table has columns of errors only
CREATE TABLE failed (reason STRING) WITH ('connector' = 'blackhole');
SET 'pipeline.error-table' = 'failed';
SELECT 1;
--! rows
--| error: TM-SQL-0002: table 'failed' takes errors, which have no 'reason'; its columns are of: error_time, error_level, error_name, message, data_rowtime, data_row, pump_name
