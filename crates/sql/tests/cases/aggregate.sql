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
