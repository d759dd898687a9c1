-- Joins with a table as it was at a time: FOR SYSTEM_TIME AS OF.

--! file orders.csv
--| 1,10,EUR,2026-01-01 00:00:05
--| 2,20,USD,2026-01-01 00:00:06
--| 3,30,EUR,2026-01-01 00:00:20
--| 4,40,GBP,2026-01-01 00:00:21
--| 5,50,,2026-01-01 00:00:22
--| 6,60,EUR,2026-01-01 00:00:18
--| 7,70,EUR,2026-01-01 00:00:41
--| 8,80,USD,2026-01-01 00:00:55

--! file rates.csv
--| EUR,110,2026-01-01 00:00:01
--| USD,100,2026-01-01 00:00:06
--| EUR,119,2026-01-01 00:00:20
--| EUR,112,2026-01-01 00:00:10
--| GBP,130,2026-01-01 00:00:30
--| EUR,90,2026-01-01 00:00:40

--! file rates.json
--| {"before": null, "after": {"currency": "EUR", "rate": 110, "ts": "2026-01-01 00:00:01"}, "op": "c"}
--| {"before": null, "after": {"currency": "USD", "rate": 100, "ts": "2026-01-01 00:00:02"}, "op": "c"}
--| {"before": {"currency": "EUR", "rate": 110, "ts": "2026-01-01 00:00:01"}, "after": {"currency": "EUR", "rate": 112, "ts": "2026-01-01 00:00:10"}, "op": "u"}
--| {"before": {"currency": "USD", "rate": 100, "ts": "2026-01-01 00:00:50"}, "after": null, "op": "d"}

--! setup
CREATE TABLE orders (id INT, amount INT, currency STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv', 'csv.null-literal' = '');
CREATE TABLE rates (currency STRING, rate BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '15' SECOND, PRIMARY KEY (currency) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'rates.csv', 'format' = 'csv');
CREATE TABLE quotes (currency STRING, rate BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '15' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'rates.csv', 'format' = 'csv');
CREATE TABLE changes (currency STRING, rate BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '15' SECOND, PRIMARY KEY (currency) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'rates.json', 'format' = 'debezium-json');
CREATE VIEW last_quotes AS
  SELECT currency, rate, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY currency ORDER BY ts DESC) AS rn FROM quotes) WHERE rn = 1;

--! case the rate of the order's time
SELECT o.id, o.amount, r.currency, r.rate, o.amount * r.rate
FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| 1 | 10 | EUR | 110 | 1100
--| 2 | 20 | USD | 100 | 2000
--| 3 | 30 | EUR | 119 | 3570
--| 6 | 60 | EUR | 112 | 6720
--| 7 | 70 | EUR | 90 | 6300
--| 8 | 80 | USD | 100 | 8000

--! case an order without a rate is kept by LEFT JOIN
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 119
--| 4 | NULL
--| 5 | NULL
--| 6 | 112
--| 7 | 90
--| 8 | 100

--! case without names of its own, and with the sides of the equality swapped
SELECT id, rate FROM orders JOIN rates FOR SYSTEM_TIME AS OF orders.ts ON rates.currency = orders.currency;

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 119
--| 6 | 112
--| 7 | 90
--| 8 | 100

--! case using
SELECT id, rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r USING (currency);

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 119
--| 6 | 112
--| 7 | 90
--| 8 | 100

--! case a condition on the version does not make an older one valid
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency AND r.rate > 100;

--! rows
--| 1 | 110
--| 2 | NULL
--| 3 | 119
--| 4 | NULL
--| 5 | NULL
--| 6 | 112
--| 7 | NULL
--| 8 | NULL

--! case nor does one behind the join
SELECT o.id, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency
WHERE r.rate > 100 AND o.id > 1 AND o.amount < r.rate;

--! rows
--| 3 | 119
--| 6 | 112

--! case a changelog as versions
SELECT o.id, r.rate FROM orders AS o LEFT JOIN changes FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 112
--| 4 | NULL
--| 5 | NULL
--| 6 | 112
--| 7 | 112
--| 8 | NULL

--! case a view of last rows as versions
SELECT o.id, r.rate FROM orders AS o LEFT JOIN last_quotes FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| 1 | 110
--| 2 | 100
--| 3 | 119
--| 4 | NULL
--| 5 | NULL
--| 6 | 110
--| 7 | 90
--| 8 | 100

--! case a window over joined rows
SELECT window_start, SUM(amount * rate) FROM TABLE(TUMBLE(
  (SELECT o.amount, r.rate, o.ts FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency),
  DESCRIPTOR(ts), INTERVAL '30' SECOND))
GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:00 | 13390
--| 2026-01-01 00:00:30 | 14300

--! case two versioned tables
SELECT o.id, r.rate, c.rate FROM orders AS o
JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency
JOIN changes FOR SYSTEM_TIME AS OF o.ts AS c ON c.currency = r.currency
WHERE o.id < 7;

--! rows
--| 1 | 110 | 110
--| 2 | 100 | 100
--| 3 | 119 | 112
--| 6 | 112 | 112

--! case a view of the join
CREATE VIEW priced AS SELECT o.id, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;
SELECT id FROM priced WHERE rate > 111;

--! rows
--| 3
--| 6

--! case explained
--! flink differs: these are no rows of a query, so that they are not compared
EXPLAIN SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency WHERE o.amount > 10;

--! rows
--| sink terminal: rows to the terminal
--|   calc-3: select id, rate
--|     temporal join: Left as of o.ts; by o.currency = r.currency; keeps versions that left rows may still ask for, and left rows until the watermark
--|       calc: where amount@1 > 10, select id, currency, ts, key by [1]
--|         source orders: filesystem: id, amount, currency, ts; replays, ends; keeps positions
--|       calc-2: key by [0]
--|         source rates: filesystem: currency, rate; replays, ends; keeps positions

--! case no primary key
SELECT o.id FROM orders AS o JOIN quotes FOR SYSTEM_TIME AS OF o.ts AS q ON o.currency = q.currency;

--! rows
--| error: TM-SQL-0004: table 'quotes' has no primary key, by which a row's versions are known; declare PRIMARY KEY (…) NOT ENFORCED

--! case the key is not compared
SELECT o.id FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.amount = r.rate;

--! rows
--| error: TM-SQL-0004: the join must compare the whole primary key of 'rates' by =; it is (currency)

--! case a view without a key
CREATE VIEW some AS SELECT currency, MAX(rate) AS rate FROM quotes GROUP BY currency;
SELECT o.id FROM orders AS o JOIN some FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0004: the right side's rows don't say from when on they hold; declare WATERMARK FOR the time of the table's changes

--! case versions without a time
CREATE TABLE timeless (currency STRING, rate BIGINT, ts TIMESTAMP(3), PRIMARY KEY (currency) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'rates.csv', 'format' = 'csv');
SELECT o.id FROM orders AS o JOIN timeless FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0004: the right side's rows don't say from when on they hold; declare WATERMARK FOR the time of the table's changes

--! case the time is only a timestamp
SELECT o.id FROM (SELECT id, currency, ts + INTERVAL '1' SECOND AS later FROM orders) AS o
JOIN rates FOR SYSTEM_TIME AS OF o.later AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0004: 'o.later' is only a TIMESTAMP, no time column; declare WATERMARK FOR it in CREATE TABLE, or a column AS PROCTIME() to look rows up; and select it as it is

--! case the time is no column of the left side
SELECT o.id FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.tx AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0002: the left side of the join has no column 'o.tx'; did you mean 'o.ts'?

--! case all versions are no rows of their own
SELECT o.id FROM orders AS o FULL JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;

--! rows
--| error: TM-SQL-0004: a FULL join FOR SYSTEM_TIME AS OF has no meaning; write JOIN or LEFT JOIN: each left row asks for one version

--! case not in a join
SELECT * FROM rates FOR SYSTEM_TIME AS OF rates.ts;

--! rows
--| error: TM-SQL-0004: FOR SYSTEM_TIME AS OF is for the right side of a join; write a JOIN b FOR SYSTEM_TIME AS OF a.ts ON …

--! case versions by two keys, one of them an expression
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON UPPER(o.currency) = r.currency AND r.rate > 100 WHERE o.amount > 10;

--! rows
--| 2 | NULL
--| 3 | 119
--| 4 | NULL
--| 5 | NULL
--| 6 | 112
--| 7 | NULL
--| 8 | NULL

--! case an aggregation of joined rows
SELECT r.currency, COUNT(*), SUM(o.amount * r.rate) FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency GROUP BY r.currency;

--! rows
--| EUR | 4 | 17690
--| USD | 2 | 10000

--! case versions of deleted rows
SELECT o.id, r.rate FROM orders AS o LEFT JOIN changes FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency WHERE o.currency = 'USD';
--! rows
--| 2 | 100
--| 8 | NULL
