-- Look-up joins: FOR SYSTEM_TIME AS OF a processing time.

--! file orders.csv
--| 1,10,EUR,2026-01-01 00:00:05
--| 2,20,USD,2026-01-01 00:00:06
--| 3,30,EUR,2026-01-01 00:00:20
--| 4,40,GBP,2026-01-01 00:00:21
--| 5,50,,2026-01-01 00:00:22
--| 6,60,EUR,2026-01-01 00:00:48

--! setup
CREATE TABLE orders (
  id INT, amount INT, currency STRING, ts TIMESTAMP(3), now AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv', 'csv.null-literal' = '');
CREATE TABLE rates (currency STRING, rate BIGINT, bank STRING, twice AS rate * 2, PRIMARY KEY (currency) NOT ENFORCED)
  WITH ('connector' = 'table');
CREATE TABLE limits (currency STRING, lowest INT, bank STRING, PRIMARY KEY (currency, lowest) NOT ENFORCED)
  WITH ('connector' = 'table', 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '100');

--! before
EXECUTE STATEMENT SET BEGIN
INSERT INTO rates VALUES ('EUR', 110, 'ecb'), ('USD', 100, 'fed');
INSERT INTO limits VALUES ('EUR', 0, 'small'), ('EUR', 25, 'big'), ('USD', 0, 'any');
END;

--! case what the table says
--! flink differs: it has no connector for our tables
SELECT o.id, r.rate, r.bank FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency;

--! rows
--| 1 | 110 | ecb
--| 2 | 100 | fed
--| 3 | 110 | ecb
--| 6 | 110 | ecb

--! case a row that finds nothing is kept by LEFT JOIN
--! flink differs: it has no connector for our tables
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON r.currency = o.currency;

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 110
--| 4 | NULL
--| 5 | NULL
--| 6 | 110

--! case a condition beside the key
--! flink differs: it has no connector for our tables
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.now AS r
ON o.currency = r.currency AND r.bank = 'ecb' AND o.amount > 20;

--! rows
--| 1 | NULL
--| 2 | NULL
--| 3 | 110
--| 4 | NULL
--| 5 | NULL
--| 6 | 110

--! case a key that is an expression
--! flink differs: it has no connector for our tables
SELECT o.id, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON UPPER(CONCAT(o.currency, '')) = r.currency WHERE o.id < 4;

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 110

--! case the first column of a key, from a cache
--! flink differs: it has no connector for our tables
SELECT o.id, l.bank FROM orders AS o JOIN limits FOR SYSTEM_TIME AS OF o.now AS l ON o.currency = l.currency AND o.amount >= l.lowest;

--! rows
--| 1 | small
--| 2 | any
--| 3 | big
--| 3 | small
--| 6 | big
--| 6 | small

--! case two look-ups
--! flink differs: it has no connector for our tables
SELECT o.id, r.rate, l.bank FROM orders AS o
JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency
LEFT JOIN limits FOR SYSTEM_TIME AS OF o.now AS l ON l.currency = r.currency AND l.lowest = o.amount - 20;

--! rows
--| 1 | 110 | NULL
--| 2 | 100 | any
--| 3 | 110 | NULL
--| 6 | 110 | NULL

--! case the time column stays one
--! flink differs: it has no connector for our tables
SELECT window_start, SUM(amount * rate) FROM TABLE(TUMBLE(
  (SELECT o.amount, r.rate, o.ts FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency),
  DESCRIPTOR(ts), INTERVAL '30' SECOND))
GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 6400
--| 2026-01-01 00:00:30 | 6600

--! case explained
--! flink differs: it has no connector for our tables
EXPLAIN SELECT o.id, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency WHERE o.amount > 10 AND r.rate > 1;

--! rows
--| sink terminal: rows to the terminal
--|   calc-2: select id, rate, where rate@1 > 1
--|     lookup join: Inner, asks table 'rates' by currency; keeps rows that wait for an answer
--|       calc: where amount@1 > 10, select id, currency, now
--|         source orders: filesystem: id, amount, currency, now; replays, ends; keeps positions

--! file names.csv
--| EUR,euro
--| GBP,pound

--! case a table that can't be looked up, and does not end
CREATE TABLE file (currency STRING, rate BIGINT) WITH ('connector' = 'filesystem', 'path' = 'rates.csv', 'format' = 'csv', 'source.monitor-interval' = '1 s');
SELECT o.id FROM orders AS o JOIN file FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0006: table 'file' can't be looked up: TM-CONNECTOR-0006: connector `filesystem` is no lookup; those that are: table, http

--! case a file that ends is read before the first row asks
CREATE TABLE names (currency STRING, name STRING) WITH ('connector' = 'filesystem', 'path' = 'names.csv', 'format' = 'csv');
SELECT o.id, n.name FROM orders AS o LEFT JOIN names FOR SYSTEM_TIME AS OF o.now AS n ON o.currency = n.currency;

--! rows
--| 1 | euro
--| 2 | NULL
--| 3 | euro
--| 4 | pound
--| 5 | NULL
--| 6 | euro

--! case a file by an expression of a view's time
CREATE TABLE names (currency STRING, name STRING) WITH ('connector' = 'filesystem', 'path' = 'names.csv', 'format' = 'csv');
CREATE VIEW timed AS SELECT id, currency, PROCTIME() AS p FROM orders;
SELECT o.id, n.name FROM timed AS o JOIN names FOR SYSTEM_TIME AS OF o.p AS n ON UPPER(o.currency) = n.currency AND o.id > 1;

--! rows
--| 3 | euro
--| 4 | pound
--| 6 | euro

--! case by what is no key
SELECT o.id FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.amount = r.rate AND r.bank = o.currency;

--! rows
--| error: TM-SQL-0006: table 'rates' can't be looked up: TM-ENGINE-0006: table 'rates' finds rows by its key (currency) or the first columns of it, not by (rate, bank)

--! case by nothing
SELECT o.id FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.amount > r.rate;

--! rows
--| error: TM-SQL-0004: nothing says which rows of 'rates' are looked up; compare its columns, as they are, with the left side's by =

--! case by another type
SELECT o.id FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.amount * 1.5E0 = r.rate;

--! rows
--| error: TM-SQL-0004: nothing says which rows of 'rates' are looked up; compare its columns, as they are, with the left side's by =

--! case a column that is computed
SELECT o.id, r.twice FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0004: column 'twice' of 'rates' is computed; a look-up gives what is stored: compute it in the query

--! case a view
CREATE VIEW good AS SELECT currency, rate FROM rates WHERE rate > 1;
SELECT o.id FROM orders AS o JOIN good FOR SYSTEM_TIME AS OF o.now AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0004: only a table can be looked up as of a processing time; name the table itself, and filter behind the join
