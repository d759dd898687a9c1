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

--! case numbers of several types
SELECT auction + bidder, auction * price, auction / 2, auction / 2.0, CAST(auction AS DECIMAL(4, 1)) + price, CAST(auction AS SMALLINT) * CAST(3 AS TINYINT) FROM bids WHERE auction < 3;

--! rows
--| 11 | 100.5 | 0 | 0.500000 | 101.5 | 3
--| 22 | NULL | 1 | 1.000000 | NULL | 6

--! case decimals
SELECT CAST(1.25 AS DECIMAL(4, 2)) * CAST(3 AS DECIMAL(2, 0)), CAST(10 AS DECIMAL(4, 2)) / CAST(3 AS DECIMAL(2, 0)), CAST(2.345 AS DECIMAL(4, 2)), ROUND(2.345, 2), -CAST(1.5 AS DECIMAL(3, 1));

--! rows
--| 3.75 | 3.333333 | 2.35 | 2.35 | -1.5

--! case NULL in operators
SELECT CAST(NULL AS INT) + 1, CAST(NULL AS BOOLEAN) AND FALSE, CAST(NULL AS BOOLEAN) OR TRUE, NOT CAST(NULL AS BOOLEAN), 'a' || CAST(NULL AS STRING), CAST(NULL AS INT) = CAST(NULL AS INT), CAST(NULL AS INT) IS NOT DISTINCT FROM CAST(NULL AS INT);

--! rows
--| NULL | false | true | NULL | NULL | NULL | true

--! case NULL in conditions
SELECT auction FROM bids WHERE NOT (price > 50) OR item = 'hats';

--! rows
--| 2
--| 3
--| 4

--! case NULL in lists
SELECT auction, item IN ('shoes', 'bags'), item NOT IN ('shoes', CAST(NULL AS STRING)) FROM bids;

--! rows
--| 1 | true | false
--| 2 | false | NULL
--| 3 | NULL | NULL
--| 4 | true | false
--| 5 | true | NULL

--! case NULL in CASE
SELECT auction, CASE item WHEN 'shoes' THEN 1 WHEN 'hats' THEN 2 END, CASE WHEN price > 50 THEN 'dear' WHEN price IS NULL THEN 'unknown' ELSE 'cheap' END FROM bids;

--! rows
--| 1 | 1 | dear
--| 2 | 2 | unknown
--| 3 | NULL | cheap
--| 4 | 1 | cheap
--| 5 | NULL | dear

--! case truth of NULL
SELECT auction, (price > 50) IS TRUE, (price > 50) IS NOT TRUE, (price > 50) IS FALSE, (price > 50) IS UNKNOWN FROM bids;

--! rows
--| 1 | true | false | false | false
--| 2 | false | true | false | true
--| 3 | false | true | true | false
--| 4 | false | true | true | false
--| 5 | true | false | false | false

--! case texts and numbers
--! datafusion differs: TRUE as a text is in small letters there
SELECT CAST('12' AS INT) + 1, CAST(12 AS STRING) || '!', CAST(1.50 AS STRING), CAST(TRUE AS STRING), CAST('true' AS BOOLEAN), CAST(' 7 ' AS INT);

--! rows
--| 13 | 12! | 1.50 | TRUE | true | 7

--! case a cast that may fail
SELECT TRY_CAST('x' AS INT), TRY_CAST('5' AS INT), TRY_CAST('2026-13-01' AS DATE);

--! rows
--| NULL | 5 | NULL

--! case numbers become smaller types
SELECT CAST(1.9 AS INT), CAST(-1.9 AS INT), CAST(CAST(3.7 AS DOUBLE) AS BIGINT), CAST(TRUE AS INT), CAST(0 AS BOOLEAN);

--! rows
--| 1 | -1 | 3 | 1 | false

--! case functions of numbers
SELECT ABS(-2), CEIL(1.2), FLOOR(-1.2), MOD(7, 3), POWER(2, 10), SQRT(16), SIGN(-3), ROUND(1234.567, 1), TRUNCATE(1.98, 1), GREATEST(1, 3, 2), LEAST(1, 3, 2), LN(1), EXP(0);

--! rows
--| 2 | 2 | -2 | 1 | 1024.0 | 4.0 | -1 | 1234.6 | 1.9 | 3 | 1 | 0.0 | 1.0

--! case functions of texts
--! datafusion differs: a negative place is before the text there, from its end here
SELECT UPPER('ab'), LOWER('AB'), CHAR_LENGTH('äb'), SUBSTRING('hello', 2, 3), SUBSTRING('hello' FROM -3), TRIM('  x '), TRIM(LEADING 'x' FROM 'xxa'), REPLACE('aXa', 'X', '-'), POSITION('l' IN 'hello'), REVERSE('abc'), LPAD('7', 3, '0'), RPAD('7', 3, '-'), INITCAP('the end'), CONCAT('a', 'b'), CONCAT_WS('-', 'a', 'b');

--! rows
--| AB | ab | 2 | ell | llo | x | a | a-a | 3 | cba | 007 | 7-- | The End | ab | a-b

--! case patterns
SELECT 'hello' LIKE 'h_l%', 'a%b' LIKE 'a!%b' ESCAPE '!', 'abc' NOT LIKE '%d%', REGEXP('abc', 'b.'), REGEXP_REPLACE('a1b22', '[0-9]+', '#'), REGEXP_EXTRACT('k=v', '(\w)=(\w)', 2), 'AbC' SIMILAR TO '[A-C]b%';

--! rows
--| true | true | true | true | a#b# | v | true

--! case parts of times
SELECT EXTRACT(YEAR FROM ts), EXTRACT(MONTH FROM ts), EXTRACT(DOW FROM ts), EXTRACT(DOY FROM ts), EXTRACT(WEEK FROM ts), EXTRACT(QUARTER FROM ts), HOUR(ts), MINUTE(ts), SECOND(ts) FROM bids WHERE auction = 5;

--! rows
--| 2026 | 1 | 5 | 1 | 1 | 1 | 0 | 0 | 21

--! case times and intervals
SELECT ts + INTERVAL '1' DAY, ts - INTERVAL '1:30' MINUTE TO SECOND, ts + INTERVAL '1' MONTH, FLOOR(ts TO MINUTE), CEIL(ts TO HOUR), TIMESTAMPDIFF(SECOND, TIMESTAMP '2026-01-01 00:00:00', ts), TIMESTAMPADD(HOUR, 2, ts) FROM bids WHERE auction = 5;

--! rows
--| 2026-01-02 00:00:21 | 2025-12-31 23:58:51 | 2026-02-01 00:00:21 | 2026-01-01 00:00:00 | 2026-01-01 01:00:00 | 21 | 2026-01-01 02:00:21

--! case dates
--! datafusion differs: its DATE_FORMAT takes other patterns
SELECT DATE '2026-03-01' - INTERVAL '1' DAY, CAST('2026-02-28' AS DATE), CAST(TIMESTAMP '2026-02-28 23:00:00' AS DATE), DATE_FORMAT(TIMESTAMP '2026-02-28 23:05:00', 'yyyy/MM/dd HH:mm'), TO_DATE('2026-01-02'), CAST(DATE '2026-01-02' AS TIMESTAMP(3));

--! rows
--| 2026-02-28 | 2026-02-28 | 2026-02-28 | 2026/02/28 23:05 | 2026-01-02 | 2026-01-02 00:00:00

--! case arrays and maps
SELECT ARRAY[1, 2, 3][2], CARDINALITY(ARRAY[1, 2, 3]), MAP['a', 1, 'b', 2]['b'], ARRAY['a', 'b'];

--! rows
--| 2 | 3 | 2 | [a, b]

--! case a row between two rows
SELECT auction FROM bids WHERE price BETWEEN 10 AND 100 AND ts BETWEEN TIMESTAMP '2026-01-01 00:00:02' AND TIMESTAMP '2026-01-01 00:00:12';
--! rows
--| 4

--! case parts and places of texts
SELECT LOCATE('l', 'hello'), LOCATE('l', 'hello', 4), LOCATE('x', 'hello'), IS_ALPHA('ab'), IS_ALPHA('a1'), IS_DIGIT('12'), IS_DECIMAL('-1.5'), REGEXP_EXTRACT('a1b22', '[0-9]+'), REGEXP_EXTRACT('ab', '[0-9]+'), REGEXP(CAST(NULL AS STRING), 'a');

--! rows
--| 3 | 4 | 0 | true | false | true | true | 1 | NULL | NULL

--! case times as seconds
SELECT FROM_UNIXTIME(0), FROM_UNIXTIME(1767225661, 'HH:mm'), UNIX_TIMESTAMP('2026-01-01 00:01:01');
--! rows
--| 1970-01-01 00:00:00 | 00:01 | 1767225661

--! case times are cut to units
SELECT FLOOR(t TO SECOND), FLOOR(t TO DAY), FLOOR(t TO WEEK), FLOOR(t TO MONTH), FLOOR(t TO QUARTER), FLOOR(t TO YEAR), CEIL(t TO MINUTE), CEIL(t TO MONTH), CEIL(t TO YEAR), CEIL(FLOOR(t TO MONTH) TO MONTH)
FROM (SELECT TIMESTAMP '2026-05-20 13:45:30.123' AS t FROM bids WHERE auction = 1);

--! rows
--| 2026-05-20 13:45:30 | 2026-05-20 00:00:00 | 2026-05-17 00:00:00 | 2026-05-01 00:00:00 | 2026-04-01 00:00:00 | 2026-01-01 00:00:00 | 2026-05-20 13:46:00 | 2026-06-01 00:00:00 | 2027-01-01 00:00:00 | 2026-05-01 00:00:00

--! case a pattern without a meaning for its letters
SELECT 'a%b' LIKE 'a!%b' ESCAPE '!', 'axb' LIKE 'a!%b' ESCAPE '!', 'a_b' LIKE 'a#_b' ESCAPE '#';
--! rows
--| true | false | true

--! case more functions of numbers
SELECT LOG2(8), LOG10(100), SIN(0), COS(0), TAN(0), ASIN(0), ACOS(1), ATAN(0), ATAN2(0, 1), DEGREES(0), RADIANS(0), ROUND(PI(), 2), CEIL(CAST(2.5 AS DOUBLE)), 7 % 3, ROUND(CAST(2.5 AS DOUBLE)), SIGN(CAST(-2.5 AS DECIMAL(3, 1))), TRUNCATE(CAST(-2.567 AS DOUBLE), 2), TRUNCATE(12);

--! rows
--| 3.0 | 2.0 | 0.0 | 1.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 3.14 | 3.0 | 1 | 3.0 | -1.0 | -2.56 | 12

--! case more functions of texts
SELECT OVERLAY('abcdef' PLACING 'XY' FROM 2 FOR 3), LTRIM('  a'), RTRIM('a  '), LEFT('abc', 2), RIGHT('abc', 2), REPEAT('ab', 2), SPLIT_INDEX('a,b,c', ',', 1), ASCII('A'), CHR(65), MD5('a'), SHA256('a'), TO_BASE64('hi'), FROM_BASE64('aGk=');

--! rows
--| aXYef | a | a | ab | bc | abab | b | 65 | A | 0cc175b9c0f1b6a831c399e269772661 | ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb | aGk= | hi

--! case more functions of times
SELECT DAYOFMONTH(t), DAYOFYEAR(t), QUARTER(t), WEEK(t), TO_TIMESTAMP('2026-01-02 03:04:05'), TO_TIMESTAMP_LTZ(0, 3), YEAR(DATE '2026-05-20'), EXTRACT(DAY FROM t)
FROM (SELECT TIMESTAMP '2026-05-20 13:45:30.123' AS t FROM bids WHERE auction = 1);

--! rows
--| 20 | 140 | 2 | 21 | 2026-01-02 03:04:05 | 1970-01-01T00:00:00Z | 2026 | 20

--! case conditions of values
SELECT IF(price > 50, 'dear', 'cheap'), IFNULL(item, 'none'), NULLIF(item, 'shoes'), COALESCE(item, 'x') FROM bids;
--! rows
--| cheap | hats | hats | hats
--| cheap | none | NULL | x
--| cheap | shoes | NULL | shoes
--| dear | bags | bags | bags
--| dear | shoes | NULL | shoes

--! case casts to lengths
--! datafusion differs: a VARCHAR has no length there
SELECT CAST('hello' AS VARCHAR(3)), CAST(12345 AS VARCHAR(2)), CAST('hi' AS VARCHAR(5)), CAST(item AS VARCHAR(2)) FROM bids WHERE auction < 3;
--! rows
--| hel | 12 | hi | ha
--| hel | 12 | hi | sh

--! case the greatest and the least, and NULL
--! datafusion differs: it passes over NULLs
SELECT auction, GREATEST(price, CAST(bidder AS DOUBLE), 15), LEAST(auction, 3, bidder), GREATEST('a', item) FROM bids;

--! rows
--| 1 | 100.5 | 1 | shoes
--| 2 | NULL | 2 | hats
--| 3 | 15.0 | 3 | NULL
--| 4 | 30.0 | 3 | shoes
--| 5 | 99.99 | 3 | bags

--! case values of several types
SELECT IF(price > 50, bidder, auction), IFNULL(price, 0), IFNULL(auction, bidder), IF(item IS NULL, CAST(NULL AS INT), 1.5), IF(price > 50, 'dear', CAST(NULL AS STRING)) FROM bids;

--! rows
--| 10 | 100.5 | 1 | 1.5 | dear
--| 2 | 0.0 | 2 | 1.5 | NULL
--| 20 | 99.99 | 5 | 1.5 | dear
--| 3 | 7.25 | 3 | NULL | NULL
--| 4 | 12.0 | 4 | 1.5 | NULL

--! case IF of a text and a number
SELECT IF(price > 50, 'dear', 1) FROM bids;

--! rows
--| error: TM-SQL-0003: Execution error: Function 'if' user-defined coercion failed with: Error during planning: IF takes a condition and two values of one kind, not (BOOLEAN, STRING, BIGINT). No function matches the given name and argument types 'if(Boolean, Utf8, Int64)'. You might need to add explicit type casts

--! case months and years between times
SELECT TIMESTAMPADD(MONTH, 1, DATE '2026-01-31'), TIMESTAMPADD(YEAR, -1, ts), TIMESTAMPADD(DAY, 3, DATE '2026-01-31'),
  TIMESTAMPDIFF(MONTH, TIMESTAMP '2026-01-31 00:00:00', TIMESTAMP '2026-03-30 23:00:00'), TIMESTAMPDIFF(MONTH, DATE '2026-03-30', DATE '2026-01-31'),
  TIMESTAMPDIFF(YEAR, DATE '2020-06-15', DATE '2026-06-14'), TIMESTAMPDIFF(QUARTER, DATE '2025-01-01', DATE '2026-01-01'), TIMESTAMPDIFF(DAY, DATE '2026-01-01', DATE '2026-02-01')
FROM bids WHERE auction = 1;

--! rows
--| 2026-02-28 | 2025-01-01 00:00:01 | 2026-02-03 | 1 | -1 | 5 | 4 | 31

--! case times of texts by patterns
--! datafusion differs: its patterns are other ones
SELECT TO_TIMESTAMP('01/02/2026 03:04', 'dd/MM/yyyy HH:mm'), TO_TIMESTAMP('2026-02-30 10:00:00'), TO_TIMESTAMP('30.02.2026', 'dd.MM.yyyy'), TO_TIMESTAMP('x', 'yyyy'),
  TO_DATE('01.02.2026', 'dd.MM.yyyy'), TO_DATE('2026-02-01'), TO_DATE('February')
FROM bids WHERE auction = 1;

--! rows
--| 2026-02-01 03:04:00 | 2026-02-28 10:00:00 | 2026-02-28 00:00:00 | NULL | 2026-02-01 | 2026-02-01 | NULL

--! case times as texts
SELECT CAST(ts AS STRING), CAST(CAST(ts AS TIMESTAMP(6)) AS VARCHAR(30)), CAST(ts AS VARCHAR(10)), 'at ' || CAST(ts AS STRING), CAST(CAST(ts AS DATE) AS STRING), CAST(CAST(ts AS TIME) AS STRING)
FROM bids WHERE auction = 4;

--! rows
--| 2026-01-01 00:00:12.000 | 2026-01-01 00:00:12.000000 | 2026-01-01 | at 2026-01-01 00:00:12.000 | 2026-01-01 | 00:00:12

--! case more parts of times
SELECT EXTRACT(MILLISECOND FROM TIMESTAMP '2026-01-01 00:00:59.125'), EXTRACT(CENTURY FROM ts), EXTRACT(DECADE FROM ts), EXTRACT(MILLENNIUM FROM ts), EXTRACT(CENTURY FROM DATE '2000-12-31'), EXTRACT(EPOCH FROM ts), DAYOFWEEK(DATE '2026-01-31')
FROM bids WHERE auction = 1;

--! rows
--| 125 | 21 | 202 | 3 | 20 | 1767225601 | 7

--! case years and months
SELECT TIMESTAMP '2026-03-31 10:00:00' - INTERVAL '1-1' YEAR TO MONTH, DATE '2026-01-31' + INTERVAL '0-1' YEAR TO MONTH FROM bids WHERE auction = 1;

--! rows
--| 2025-02-28 10:00:00 | 2026-02-28

--! case numbers of any size
SELECT 1e3, 2.5E-1, CAST(1e3 AS STRING), price * 1e1, E() FROM bids WHERE auction = 1;

--! rows
--| 1000.0 | 0.25 | 1000.0 | 1005.0 | 2.718281828459045

--! case columns of one name
SELECT item, CAST(ts AS DATE), CAST(ts AS TIME), item, auction + 1, auction + 1 FROM bids WHERE auction = 1;

--! rows
--| shoes | 2026-01-01 | 00:00:01 | shoes | 2 | 2

--! case pieces of texts
SELECT STARTSWITH(item, 'sh'), ENDSWITH(item, 'es'), SPLIT('a,b', ','), REGEXP_EXTRACT_ALL('a1b2', '[a-z]([0-9])'), REGEXP_EXTRACT_ALL('a1b2', '[a-z][0-9]', 0), REGEXP_EXTRACT_ALL('a1b2', '[0-9]'), REGEXP_SUBSTR('abc123', '[0-9]+'),
  SHA224('a'), SHA384('a') IS NOT NULL, CHAR_LENGTH(SHA512('a')) FROM bids WHERE auction = 1;
--! rows
--| true | true | [a, b] | [1, 2] | [a1, b2] | NULL | 123 | abd37534c7d9a2efb9465de931cd7055ffdb8879563ae98078d6d6d5 | true | 128

--! case pieces of texts at their edges
SELECT SUBSTRING('abc', 0), SUBSTRING('abc', -2), SUBSTRING('abc', -5, 2), SUBSTRING('abcdef', 0, 2), SUBSTRING('abc', 2, -1), LEFT('abc', -1), RIGHT('abc', -1), RIGHT('abc', 9),
  OVERLAY('abc' PLACING 'xx' FROM 2), OVERLAY('abc' PLACING 'xx' FROM 2 FOR 0), OVERLAY('abc' PLACING 'x' FROM 9), CONCAT(item, CAST(NULL AS STRING)), CONCAT(item, '-', 'x'), SPLIT_INDEX('', ',', 0)
FROM bids WHERE auction = 1;

--! rows
--| abc | bc |  | ab | NULL |  |  | abc | axx | axx | abc | NULL | shoes-x | NULL

--! case floating-point numbers as texts
SELECT CAST(price AS STRING), CAST(price * 1e8 AS STRING), CAST(-price / 1e5 AS STRING), CAST(price * 1e20 AS VARCHAR(6)), CAST(CAST(price AS FLOAT) AS STRING) FROM bids;

--! rows
--| 100.5 | 1.005E10 | -0.001005 | 1.005E | 100.5
--| 12.0 | 1.2E9 | -1.2E-4 | 1.2E21 | 12.0
--| 7.25 | 7.25E8 | -7.25E-5 | 7.25E2 | 7.25
--| 99.99 | 9.999E9 | -9.999E-4 | 9.999E | 99.99
--| NULL | NULL | NULL | NULL | NULL

--! case what takes the place of a pattern is text
--! datafusion differs: groups are named in it, and only the first match gives way
SELECT REGEXP_REPLACE('foobar', 'o(b)', '<$1>'), REGEXP_REPLACE(item, '[aeiou]', '_') FROM bids;

--! rows
--| fo<$1>ar | NULL
--| fo<$1>ar | b_gs
--| fo<$1>ar | h_ts
--| fo<$1>ar | sh__s
--| fo<$1>ar | sh__s

--! case logarithms, remainders of decimals, seconds of a text
SELECT LOG(10), LOG(2, 8), MOD(CAST(7.5 AS DECIMAL(5, 2)), 2), MOD(7, CAST(2.25 AS DECIMAL(5, 2))), UNIX_TIMESTAMP('1970/01/02', 'yyyy/MM/dd'), UNIX_TIMESTAMP('1970-01-01 00:01:00') FROM bids WHERE auction = 1;

--! rows
--| 2.302585092994046 | 3.0 | 1.50 | 0.25 | 86400 | 60

--! case sums of one name
SELECT SUM(price) + 1, SUM(price) + 1, 2 + 1, CAST(2 AS BIGINT) + 1 FROM bids;
--! rows
--| 220.74 | 220.74 | 3 | 3

--! case numbers too large for their cast
SELECT CAST(bidder + 5000000000 AS INT), CAST(bidder + 300 AS TINYINT), CAST(price * 1e10 AS INT), CAST(price * 1e10 AS TINYINT), CAST(price * 1e30 AS BIGINT), CAST(CAST(price AS DECIMAL(20, 3)) + 12345678901 AS INT), CAST(bidder AS DECIMAL(2, 1)), TRY_CAST(bidder + 5000000000 AS INT), CAST(CAST('NaN' AS DOUBLE) AS INT), CAST(300 AS TINYINT) FROM bids;

--! rows
--| 705032714 | 54 | 2147483647 | -1 | 9223372036854775807 | -539222887 | NULL | 705032714 | 0 | 44
--| 705032714 | 54 | 2147483647 | -1 | 9223372036854775807 | -539222980 | NULL | 705032714 | 0 | 44
--| 705032724 | 64 | 2147483647 | -1 | 9223372036854775807 | -539222888 | NULL | 705032724 | 0 | 44
--| 705032724 | 64 | NULL | NULL | NULL | NULL | NULL | 705032724 | 0 | 44
--| 705032734 | 74 | 2147483647 | -1 | 9223372036854775807 | -539222975 | NULL | 705032734 | 0 | 44

--! case numbers too large for their cast go into the error table
--! flink differs: it has no error table, and cuts them
CREATE TABLE failed (error_name STRING, message STRING) WITH ('connector' = 'filesystem', 'path' = 'failed', 'format' = 'json');
SET 'pipeline.error-table' = 'failed';
SELECT CAST(auction * 50 AS TINYINT) FROM bids;
--! then
CREATE TABLE seen (error_name STRING, message STRING) WITH ('connector' = 'filesystem', 'path' = 'failed', 'format' = 'json');
SELECT * FROM seen;

--! rows
--| 100
--| 50
--| Failed row | Can't cast value 150 to type Int8
--| Failed row | Can't cast value 200 to type Int8
--| Failed row | Can't cast value 250 to type Int8

--! case texts too large for their cast
SELECT TRY_CAST('300' AS TINYINT), TRY_CAST('5000000000' AS INT), TRY_CAST('123' AS DECIMAL(3, 1)) FROM bids WHERE auction = 1;
--! rows
--| NULL | NULL | NULL

--! case whole numbers have nothing to round
SELECT FLOOR(auction) / 2 AS a, CEIL(bidder) AS b, TYPEOF(FLOOR(auction)) AS c, CEIL(auction / 2) AS d FROM bids WHERE auction = 3;

--! rows
--| 1 | 10 | INT | 1

--! case a sample
SELECT auction FROM bids TABLESAMPLE SYSTEM (10);

--! rows
--| error: TM-SQL-0004: TABLESAMPLE is not built; choose rows WHERE RAND() < 0.1

--! case a turned table
SELECT * FROM bids PIVOT (SUM(price) FOR item IN ('shoes', 'hats'));

--! rows
--| error: TM-SQL-0004: PIVOT and UNPIVOT are not built; aggregate with FILTER (WHERE …), or UNION ALL the columns

--! case a table function that is not there
SELECT auction, w FROM bids, LATERAL TABLE(split(item)) AS t (w);

--! rows
--| error: TM-SQL-0002: there is no table function split; CROSS JOIN UNNEST(array) gives a row for each element

--! case OVER in WHERE
SELECT auction FROM bids WHERE COUNT(*) OVER (ORDER BY ts) > 1;
--! rows
--| error: TM-SQL-0004: OVER stands in the select list; filter a query FROM (SELECT …, … OVER (…) AS x …) AS t

--! file more.csv
--| 6,10,1,shoes,2026-01-01 00:00:30

--! case options of a hint
SELECT b.auction FROM bids /*+ OPTIONS('path' = 'more.csv') */ AS b UNION ALL SELECT auction FROM bids WHERE auction > 4;

--! rows
--| 5
--| 6

--! case options of a hint, without an alias
SELECT bids.auction, price FROM bids /*+ OPTIONS('path' = 'more.csv', 'csv.null-literal' = '1') */ WHERE bids.auction > 0;

--! rows
--| 6 | NULL

--! case options of a hint in a window function
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bids /*+ OPTIONS('path' = 'more.csv') */, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;

--! flink differs: it takes no hint there
--! rows
--| 2026-01-01 00:00:30 | 1

--! case options of a hint beside a join's
SELECT /*+ BROADCAST(b) */ a.auction, b.auction FROM bids AS a JOIN bids /*+ OPTIONS('path' = 'more.csv') */ b ON a.bidder = b.bidder AND a.auction < 3;

--! rows
--| 1 | 6

--! case options of a hint for an INSERT
CREATE TABLE o (auction INT, bidder BIGINT) WITH ('connector' = 'filesystem', 'path' = 'elsewhere', 'format' = 'json');
INSERT INTO o /*+ OPTIONS('path' = 'out') */ (auction) SELECT auction FROM bids WHERE auction < 3;
--! then
SELECT * FROM o /*+ OPTIONS('path' = 'out') */;
SHOW TABLES;

--! flink differs: only rows of a SELECT are looked at
--! rows
--| bids
--| o
--| 1 | NULL
--| 2 | NULL

--! case options that are none
SELECT auction FROM bids /*+ OPTIONS('pat' = 'more.csv') */;

--! rows
--| error: TM-SQL-0006: table 'bids': TM-CONNECTOR-0003: connector `filesystem` has no option `pat`, did you mean `path`; docs/connectors.md lists its options

--! case options of a hint make no other connector
SELECT auction FROM bids /*+ OPTIONS('connector' = 'datagen') */;

--! rows
--| error: TM-SQL-0005: the hint OPTIONS can't give a table another connector; declare another table

--! case options of a view
CREATE VIEW v AS SELECT * FROM bids;
SELECT auction FROM v /*+ OPTIONS('path' = 'more.csv') */;

--! rows
--| error: TM-SQL-0004: 'v' is a view, and has no options; write the hint OPTIONS behind the tables in the view

--! case a hint OPTIONS without values
SELECT auction FROM bids /*+ OPTIONS('path') */;

--! rows
--| error: TM-SQL-0001: the hint OPTIONS takes keys and values; write /*+ OPTIONS('key' = 'value', …) */ behind the name of a table

--! case other hints are refused
SELECT /*+ STATE_TTL('bids' = '1d') */ auction FROM bids;

--! rows
--| error: TM-SQL-0004: the hint STATE_TTL is not built; SET 'table.exec.state.ttl' is for all state

--! case a table like another, without its options and its watermark
CREATE TABLE o (extra AS auction + 1) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv') LIKE bids (EXCLUDING ALL INCLUDING GENERATED);
INSERT INTO o SELECT * FROM bids WHERE auction > 4;
DESCRIBE o;
--! then
SELECT * FROM o;

--! flink differs: only rows of a SELECT are looked at
--! rows
--| auction | INT | true |  |  |  |
--| bidder | BIGINT | true |  |  |  |
--| price | DOUBLE | true |  |  |  |
--| item | STRING | true |  |  |  |
--| ts | TIMESTAMP(3) | true |  |  |  |
--| extra | BIGINT | true |  | AS auction + 1 |  |
--| 5 | 20 | 99.99 | bags | 2026-01-01 00:00:21 | 6

--! case a table like another, without what it computes
CREATE TABLE a (twice AS auction * 2) LIKE bids;
CREATE TABLE b LIKE a (EXCLUDING GENERATED EXCLUDING WATERMARKS INCLUDING OPTIONS);
SELECT * FROM b WHERE auction = 1;

--! rows
--| 1 | 10 | 100.5 | shoes | 2026-01-01 00:00:01

--! case a part that tables do not have
CREATE TABLE o LIKE bids (EXCLUDING COLUMNS);

--! rows
--| error: TM-SQL-0001: a table has no COLUMNS to take; there are ALL, CONSTRAINTS, DISTRIBUTION, GENERATED, METADATA, OPTIONS, PARTITIONS, WATERMARKS

--! case a table of a query
CREATE TABLE o WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json') AS SELECT item, price * 2 AS twice, ts FROM bids WHERE auction > 3;
SHOW CREATE TABLE o;
--! then
SELECT * FROM o;

--! flink differs: only rows of a SELECT are looked at
--! rows
--| CREATE TABLE `o` (
--|   `item` STRING,
--|   `twice` DOUBLE,
--|   `ts` TIMESTAMP(3)
--| ) WITH (
--|   'connector' = 'filesystem',
--|   'path' = 'out',
--|   'format' = 'json'
--| )
--| bags | 199.98 | 2026-01-01 00:00:21
--| shoes | 24.0 | 2026-01-01 00:00:12

--! case a table of a query, with a key
CREATE TABLE o (PRIMARY KEY (bidder) NOT ENFORCED) WITH ('connector' = 'table') AS SELECT bidder, COUNT(*) AS n FROM bids GROUP BY bidder;
--! then
SELECT * FROM o;

--! flink differs: a key of its is NOT NULL, which the query's column is not
--! rows
--| 10 | 2
--| 20 | 2
--| 30 | 1

--! case a table of a query, with columns
CREATE TABLE o (a INT) WITH ('connector' = 'blackhole') AS SELECT auction FROM bids;
--! rows
--| error: TM-SQL-0004: CREATE TABLE … AS SELECT takes its columns from the query; leave them out, or declare the table and INSERT INTO it

--! case a comparison with all rows of a sub-query
SELECT auction FROM bids WHERE price > ALL (SELECT price FROM bids WHERE item = 'hats');
--! rows
--| error: TM-SQL-0004: of ANY and ALL of a sub-query only = ANY and <> ALL are built; compare with its MIN or MAX: x > (SELECT MAX(y) FROM …)

--! case a field of what is made in the query
SELECT ROW(auction, item).item FROM bids;
--! rows
--| error: TM-SQL-0004: a field of what is made in the same expression is not built; write the field's own expression, or give the row a name in a sub-query
