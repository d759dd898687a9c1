-- GROUP BY without a window.

--! file bids.csv
--| 1,10,100,a
--| 1,20,50,b
--| 2,10,70,a
--| 1,10,,a
--| 2,30,10,
--| 3,10,5,c

--! setup
CREATE TABLE bids (auction INT, bidder BIGINT, price INT, item STRING)
  WITH ('connector' = 'filesystem', 'path' = 'bids.csv', 'format' = 'csv', 'csv.null-literal' = '');

--! case count, sum, min, max, avg by key
SELECT auction, COUNT(*), COUNT(price), SUM(price), MIN(price), MAX(price), AVG(price) FROM bids GROUP BY auction;

--! rows
--| 1 | 3 | 2 | 150 | 50 | 100 | 75
--| 2 | 2 | 2 | 80 | 10 | 70 | 40
--| 3 | 1 | 1 | 5 | 5 | 5 | 5

--! case without a key
SELECT COUNT(*), SUM(price), MAX(item) FROM bids;

--! rows
--| 6 | 235 | c

--! case by two keys, one of them null
SELECT auction, item, COUNT(*) AS n FROM bids GROUP BY auction, item;

--! rows
--| 1 | a | 2
--| 1 | b | 1
--| 2 | NULL | 1
--| 2 | a | 1
--| 3 | c | 1

--! case by an expression
SELECT auction % 2 AS odd, SUM(price) FROM bids GROUP BY auction % 2;

--! rows
--| 0 | 80
--| 1 | 155

--! case distinct
SELECT DISTINCT auction, bidder FROM bids;

--! rows
--| 1 | 10
--| 1 | 20
--| 2 | 10
--| 2 | 30
--| 3 | 10

--! case count distinct and filter
SELECT COUNT(DISTINCT bidder), COUNT(DISTINCT item) FILTER (WHERE price > 20), SUM(DISTINCT price) FROM bids;

--! rows
--| 3 | 2 | 235

--! case having
SELECT auction, COUNT(*) FROM bids GROUP BY auction HAVING COUNT(*) > 1;

--! rows
--| 1 | 3
--| 2 | 2

--! case an aggregation of an aggregation
SELECT n, COUNT(*) FROM (SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction) GROUP BY n;

--! rows
--| 1 | 1
--| 2 | 1
--| 3 | 1

--! case the largest of revised sums
SELECT MAX(total), MIN(total) FROM (SELECT auction, SUM(price) AS total FROM bids GROUP BY auction);

--! rows
--| 150 | 5

--! case an expression over results
SELECT auction, SUM(price) * 100 / COUNT(*) FROM bids GROUP BY auction;

--! rows
--| 1 | 5000
--| 2 | 4000
--| 3 | 500

--! case first and last value
--! datafusion differs: its LAST_VALUE is of the last row, ours as Flink's of the last row that has a value
SELECT auction, FIRST_VALUE(bidder), LAST_VALUE(item) FROM bids GROUP BY auction;

--! rows
--| 1 | 10 | a
--| 2 | 10 | a
--| 3 | 10 | c

--! case variance and deviation
SELECT ROUND(STDDEV_POP(CAST(price AS DOUBLE)), 3), ROUND(VAR_SAMP(CAST(price AS DOUBLE)), 3) FROM bids;

--! rows
--| 36.0 | 1620.0

--! case a list
SELECT auction, LISTAGG(item) FROM bids WHERE auction = 2 GROUP BY auction;

--! rows
--| 2 | a

--! case union makes rows distinct
SELECT bidder FROM bids UNION SELECT price FROM bids;

--! rows
--| 10
--| 100
--| 20
--| 30
--| 5
--| 50
--| 70
--| NULL

--! case revisions need a sink that takes them
CREATE TABLE out (auction INT, n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO out SELECT auction, COUNT(*) FROM bids GROUP BY auction;
--! rows
--| error: TM-SQL-0004: table 'out' takes inserts only, but group aggregate revises rows that it has put out; insert into a table with a primary key that can be upserted, write a format that holds changes, or make the query append-only by a window

--! case grouping sets
SELECT auction, item, COUNT(*) AS n, SUM(price) FROM bids GROUP BY GROUPING SETS ((auction, item), (item), ());

--! rows
--| 1 | a | 2 | 100
--| 1 | b | 1 | 50
--| 2 | NULL | 1 | 10
--| 2 | a | 1 | 70
--| 3 | c | 1 | 5
--| NULL | NULL | 1 | 10
--| NULL | NULL | 6 | 235
--| NULL | a | 3 | 170
--| NULL | b | 1 | 50
--| NULL | c | 1 | 5

--! case rollup tells its totals from groups of NULL
SELECT auction, item, GROUPING(auction) AS a, GROUPING(item) AS i, GROUPING_ID(auction, item) AS both_of_them, COUNT(*)
FROM bids GROUP BY ROLLUP (auction, item);

--! rows
--| 1 | NULL | 0 | 1 | 1 | 3
--| 1 | a | 0 | 0 | 0 | 2
--| 1 | b | 0 | 0 | 0 | 1
--| 2 | NULL | 0 | 0 | 0 | 1
--| 2 | NULL | 0 | 1 | 1 | 2
--| 2 | a | 0 | 0 | 0 | 1
--| 3 | NULL | 0 | 1 | 1 | 1
--| 3 | c | 0 | 0 | 0 | 1
--| NULL | NULL | 1 | 1 | 3 | 6

--! case cube
SELECT auction, bidder, MAX(price) FROM bids WHERE auction < 3 GROUP BY CUBE (auction, bidder);

--! rows
--| 1 | 10 | 100
--| 1 | 20 | 50
--| 1 | NULL | 100
--| 2 | 10 | 70
--| 2 | 30 | 10
--| 2 | NULL | 70
--| NULL | 10 | 100
--| NULL | 20 | 50
--| NULL | 30 | 10
--| NULL | NULL | 100

--! case a column beside a rollup, and the grouped columns aggregated
SELECT auction, item, COUNT(item), COUNT(DISTINCT bidder) FROM bids GROUP BY auction, ROLLUP (item);

--! rows
--| 1 | NULL | 3 | 2
--| 1 | a | 2 | 1
--| 1 | b | 1 | 1
--| 2 | NULL | 0 | 1
--| 2 | NULL | 1 | 2
--| 2 | a | 1 | 1
--| 3 | NULL | 1 | 1
--| 3 | c | 1 | 1

--! case grouping sets of expressions, with HAVING
SELECT auction % 2 AS odd, SUM(price) AS total FROM bids GROUP BY GROUPING SETS ((auction % 2), ())
HAVING SUM(price) > 100;

--! rows
--| 1 | 155
--| NULL | 235

--! case the same set twice
SELECT auction, COUNT(*) FROM bids GROUP BY GROUPING SETS ((auction), (auction));

--! rows
--| 1 | 3
--| 1 | 3
--| 2 | 2
--| 2 | 2
--| 3 | 1
--| 3 | 1

--! case grouping sets of revised rows
SELECT item, auction, SUM(total) FROM (SELECT auction, item, SUM(price) AS total FROM bids GROUP BY auction, item)
GROUP BY GROUPING SETS ((item), (auction));

--! rows
--| NULL | 1 | 150
--| NULL | 2 | 80
--| NULL | 3 | 5
--| NULL | NULL | 10
--| a | NULL | 170
--| b | NULL | 50
--| c | NULL | 5

--! case GROUPING without grouping sets
SELECT auction, GROUPING(auction) FROM bids GROUP BY auction;

--! rows
--| 1 | 0
--| 2 | 0
--| 3 | 0

--! case GROUPING of what is no group
SELECT auction, GROUPING(price) FROM bids GROUP BY ROLLUP (auction);

--! rows
--| error: TM-SQL-0003: Argument bids.price to grouping function is not in grouping columns bids.auction

--! case grouping sets explained
EXPLAIN SELECT auction, item, COUNT(*) FROM bids GROUP BY ROLLUP (auction, item);
--! flink differs: its plan is another one
--! rows
--| sink terminal: rows to the terminal; revises rows
--|   calc-2: select k0@0 AS auction, k1@1 AS item, k2@2 AS __grouping_id, a0@3 AS count(Int64(1)), select auction, item, count(Int64(1))@3 AS EXPR$2; revises rows
--|     group aggregate: count(Int64(1)); by bids.auction or NULL, bids.item or NULL, grouping set; keeps a result a key; revises rows
--|       calc: once for each of 3 grouping sets, select bids.auction or NULL@2 AS c0, bids.item or NULL@3 AS c1, grouping set@4 AS c2, key by [0, 1, 2]
--|         source bids: filesystem: auction, item; replays, ends; keeps positions

--! case aggregates of nothing but NULL
SELECT COUNT(x), SUM(x), MIN(x), AVG(x), COUNT(*) FROM (SELECT CAST(NULL AS INT) AS x, auction FROM bids WHERE auction = 2);

--! rows
--| 0 | NULL | NULL | NULL | 2

--! case aggregates of no rows
--! datafusion differs: it gives a row of no rows, a stream gives none before its first row
SELECT COUNT(*), SUM(price) FROM bids WHERE auction > 100;

--! rows

--! case groups of no rows
SELECT auction, COUNT(*) FROM bids WHERE auction > 100 GROUP BY auction;

--! rows

--! case distinct and filter together
SELECT auction, COUNT(DISTINCT bidder) FILTER (WHERE price > 20) AS a, COUNT(DISTINCT item) AS b, SUM(DISTINCT price) FILTER (WHERE item IS NOT NULL) AS c FROM bids GROUP BY auction;

--! rows
--| 1 | 2 | 2 | 150
--| 2 | 1 | 1 | 70
--| 3 | 0 | 1 | 5

--! case distinct counts of revised rows
SELECT COUNT(DISTINCT total), SUM(DISTINCT total) FROM (SELECT auction, SUM(price) AS total FROM bids GROUP BY auction);

--! rows
--| 3 | 235

--! case filters of revised rows
SELECT COUNT(*) FILTER (WHERE n > 1), MAX(n) FILTER (WHERE auction < 3), MIN(n) FROM (SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction);

--! rows
--| 2 | 3 | 1

--! case the first and last of revised rows
SELECT MIN(total), MAX(total), AVG(total) FROM (SELECT item, SUM(price) AS total FROM bids GROUP BY item);

--! rows
--| 5 | 170 | 58

--! case sums of decimals and doubles
--! datafusion differs: its quotient of decimals has fewer digits
SELECT auction, SUM(CAST(price AS DECIMAL(6, 2)) / 3), AVG(CAST(price AS DOUBLE)), SUM(CAST(price AS FLOAT)) FROM bids GROUP BY auction;

--! rows
--| 1 | 50.0000000000000 | 75.0 | 150.0
--| 2 | 26.6666666666666 | 40.0 | 80.0
--| 3 | 1.6666666666667 | 5.0 | 5.0

--! case small integers wrap around
--! datafusion differs: its sum of TINYINTs is a BIGINT, which the type of Flink's sum does not hold
SELECT SUM(CAST(price AS TINYINT)), AVG(CAST(price AS TINYINT)) FROM bids;

--! rows
--| -21 | 47

--! case a group by a Boolean and a place in the select list
SELECT price > 40 AS dear, COUNT(*) FROM bids GROUP BY price > 40;

--! rows
--| NULL | 1
--| false | 2
--| true | 3

--! case conditions of groups without an aggregate in the list
SELECT auction FROM bids GROUP BY auction HAVING MAX(price) > 60 AND COUNT(DISTINCT bidder) > 1;

--! rows
--| 1
--| 2

--! case texts of a group
SELECT auction, LISTAGG(item, '/') FROM bids GROUP BY auction;

--! rows
--| 1 | a/b/a
--| 2 | a
--| 3 | c

--! case distinct texts of a group
SELECT LISTAGG(DISTINCT item) FROM bids;

--! rows
--| a,b,c

--! case all and any
SELECT auction, MIN(price > 20), MAX(price > 20) FROM bids GROUP BY auction;

--! rows
--| 1 | true | true
--| 2 | false | true
--| 3 | false | false

--! case a distinct of an aggregation
SELECT DISTINCT n FROM (SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction);

--! rows
--| 1
--| 2
--| 3

--! case state is kept so long as it is used
SET 'table.exec.state.ttl' = '1 h';
SELECT auction, COUNT(*), MAX(price) FROM bids GROUP BY auction;
--! rows
--| 1 | 3 | 100
--| 2 | 2 | 70
--| 3 | 1 | 5

--! case equal aggregations are worked out once
SELECT a.auction, a.n FROM (SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction) AS a
JOIN (SELECT MAX(n) AS most FROM (SELECT COUNT(*) AS n FROM bids GROUP BY auction) AS b) AS c ON a.n = c.most;

--! rows
--| 1 | 3

--! case equal aggregations explained
EXPLAIN SELECT a.auction, a.n FROM (SELECT auction, COUNT(*) AS n FROM bids GROUP BY auction) AS a
JOIN (SELECT MAX(n) AS most FROM (SELECT COUNT(*) AS n FROM bids GROUP BY auction) AS b) AS c ON a.n = c.most;
--! flink differs: its plan is another one
--! rows
--| sink terminal: rows to the terminal; revises rows
--|   calc-5: select auction, n; revises rows
--|     join: Inner; by a.n = c.most; keeps all rows of both sides, for ever: set table.exec.state.ttl, or compare their times; revises rows
--|       calc-3: select k0@0 AS auction, a0@1 AS count(Int64(1)), select auction, count(Int64(1))@1 AS n, key by [1]; revises rows
--|         group aggregate: count(Int64(1)); by bids.auction; keeps a result a key; revises rows
--|           calc: select auction@0 AS c0, key by [0]
--|             source bids: filesystem: auction; replays, ends; keeps positions
--|       calc-4: select a0@0 AS max(b.n), select max(b.n)@0 AS most, key by [0]; revises rows
--|         group aggregate-2: max(b.n); keeps a result a key; revises rows
--|           calc-2: select k0@0 AS auction, a0@1 AS count(Int64(1)), select count(Int64(1))@1 AS n, select n@0 AS c0, key by []; revises rows
--|             group aggregate (shown above)

--! case aggregates that differ in a cast
SELECT auction, AVG(price), AVG(CAST(price AS DOUBLE)), SUM(CAST(price AS BIGINT)), SUM(price), MAX(CAST(price AS DECIMAL(10, 1))) FROM bids GROUP BY auction HAVING AVG(CAST(price AS DOUBLE)) > 5.5;

--! rows
--| 1 | 75 | 75.0 | 150 | 150 | 100.0
--| 2 | 40 | 40.0 | 80 | 80 | 70.0

--! case groups that differ in a cast
SELECT price, CAST(price AS DOUBLE), COUNT(*) FROM bids GROUP BY price, CAST(price AS DOUBLE);
--! rows
--| 10 | 10.0 | 1
--| 100 | 100.0 | 1
--| 5 | 5.0 | 1
--| 50 | 50.0 | 1
--| 70 | 70.0 | 1
--| NULL | NULL | 1
