-- Set operations.

--! file a.csv
--| 1,x
--| 1,x
--| 1,x
--| 2,
--| 2,
--| 3,z

--! file b.csv
--| 1,x
--| 1,x
--| 2,
--| 4,w

--! setup
CREATE TABLE a (n INT, s STRING) WITH ('connector' = 'filesystem', 'path' = 'a.csv', 'format' = 'csv', 'csv.null-literal' = '');
CREATE TABLE b (n INT, s STRING) WITH ('connector' = 'filesystem', 'path' = 'b.csv', 'format' = 'csv', 'csv.null-literal' = '');

--! case union all keeps every row
SELECT * FROM a UNION ALL SELECT * FROM b;

--! rows
--| 1 | x
--| 1 | x
--| 1 | x
--| 1 | x
--| 1 | x
--| 2 | NULL
--| 2 | NULL
--| 2 | NULL
--| 3 | z
--| 4 | w

--! case union keeps one of each, and NULL is one
SELECT * FROM a UNION SELECT * FROM b;

--! rows
--| 1 | x
--| 2 | NULL
--| 3 | z
--| 4 | w

--! case intersect keeps one of each that both have
SELECT * FROM a INTERSECT SELECT * FROM b;

--! rows
--| 1 | x
--| 2 | NULL

--! case intersect all keeps as many as both have
--! datafusion differs: it keeps every row of the left side
SELECT * FROM a INTERSECT ALL SELECT * FROM b;

--! rows
--| 1 | x
--| 1 | x
--| 2 | NULL

--! case except keeps one of each that the other lacks
SELECT * FROM a EXCEPT SELECT * FROM b;

--! rows
--| 3 | z

--! case except all keeps as many as the other lacks
--! datafusion differs: it leaves every copy out
SELECT * FROM a EXCEPT ALL SELECT * FROM b;

--! rows
--| 1 | x
--| 2 | NULL
--| 3 | z

--! case three in a row, from the left
SELECT n FROM a UNION ALL SELECT n FROM b EXCEPT SELECT n FROM b WHERE n > 3;

--! rows
--| 1
--| 2
--| 3

--! case intersect binds tighter
SELECT n FROM a WHERE n = 3 UNION SELECT n FROM a INTERSECT SELECT n FROM b;

--! rows
--| 1
--| 2
--| 3

--! case of revised rows
SELECT n, COUNT(*) FROM a GROUP BY n INTERSECT SELECT n, COUNT(*) + 1 FROM b GROUP BY n;

--! rows
--| 1 | 3
--| 2 | 2

--! case except of revised rows
SELECT n, COUNT(*) FROM a GROUP BY n EXCEPT SELECT n, COUNT(*) FROM b GROUP BY n;

--! rows
--| 1 | 3
--| 2 | 2
--| 3 | 1

--! case an aggregation of a union
SELECT s, COUNT(*), SUM(n) FROM (SELECT * FROM a UNION SELECT * FROM b) GROUP BY s;

--! rows
--| NULL | 1 | 2
--| w | 1 | 4
--| x | 1 | 1
--| z | 1 | 3

--! case types of both sides agree
SELECT n FROM a WHERE n < 2 UNION SELECT CAST(n AS BIGINT) * 10000000000 FROM b WHERE n = 4;

--! rows
--| 1
--| 40000000000

--! case numbers of columns differ
SELECT n FROM a UNION ALL SELECT n, s FROM b;

--! rows
--| error: TM-SQL-0003: UNION queries have different number of columns

--! case in a list of a sub-query with NULLs
SELECT n FROM a WHERE s IN (SELECT s FROM b);

--! rows
--| 1
--| 1
--| 1

--! case not in a sub-query with NULLs
SELECT n FROM a WHERE s NOT IN (SELECT s FROM b);

--! rows

--! case not in a sub-query without NULLs
SELECT n, s FROM a WHERE n NOT IN (SELECT n FROM b WHERE n IS NOT NULL);
--! rows
--| 3 | z

--! case not in, of NULL
SELECT s, n FROM b WHERE s NOT IN (SELECT s FROM a WHERE s = 'z');

--! rows
--| w | 4
--| x | 1
--| x | 1

--! case not in an empty sub-query
SELECT s, n FROM b WHERE s NOT IN (SELECT s FROM a WHERE n > 100);

--! rows
--| NULL | 2
--| w | 4
--| x | 1
--| x | 1

--! case not in rows that are revised
SELECT n FROM a WHERE n NOT IN (SELECT c FROM (SELECT n, COUNT(*) AS c FROM b GROUP BY n));

--! rows
--| 3

--! case intersect all of several columns and types
--! datafusion differs: it keeps every row of the left side
SELECT n, s FROM a INTERSECT ALL SELECT CAST(n AS BIGINT), s FROM b WHERE n < 2;

--! rows
--| 1 | x
--| 1 | x

--! case except all of revised rows
SELECT COUNT(*) AS c FROM a GROUP BY n EXCEPT ALL SELECT COUNT(*) FROM b GROUP BY n;

--! rows
--| 3

--! case the sides of except all differ
SELECT n FROM a EXCEPT ALL SELECT n, s FROM b;
--! rows
--| error: TM-SQL-0003: the left side has 1 columns, the right side 2

--! case a table as a query
TABLE b;
--! rows
--| 1 | x
--| 1 | x
--| 2 | NULL
--| 4 | w

--! case NOT IN of several columns
SELECT n, s FROM a WHERE (n, s) NOT IN (SELECT n, s FROM b);

--! rows
--| 3 | z

--! case NOT IN of several columns, without rows
SELECT n, s FROM a WHERE (n, s) NOT IN (SELECT n, s FROM b WHERE n > 100);

--! rows
--| 1 | x
--| 1 | x
--| 1 | x
--| 2 | NULL
--| 2 | NULL
--| 3 | z

--! case NOT IN of several columns in a list
--! datafusion differs: there a row with a NULL is another one than all that have none
SELECT n, s FROM a WHERE (n, s) NOT IN ((1, 'x'), (2, 'y'));
--! rows
--| 3 | z
