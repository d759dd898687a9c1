-- Joins.

--! file orders.csv
--| 1,10,5,2026-01-01 00:00:01
--| 2,20,7,2026-01-01 00:00:05
--| 3,10,9,2026-01-01 00:00:20
--| 4,,1,2026-01-01 00:00:30
--| 5,40,3,2026-01-01 00:00:41

--! file payments.csv
--| 1,card,2026-01-01 00:00:03
--| 2,cash,2026-01-01 00:00:45
--| 3,card,2026-01-01 00:00:21
--| 9,cash,2026-01-01 00:00:22

--! file customers.csv
--| 10,Ada
--| 20,Bob
--| 30,Cy

--! setup
CREATE TABLE orders (id INT, customer BIGINT, amount INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv', 'csv.null-literal' = '');
CREATE TABLE payments (order_id INT, kind STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'payments.csv', 'format' = 'csv');
CREATE TABLE customers (id BIGINT, name STRING) WITH ('connector' = 'filesystem', 'path' = 'customers.csv', 'format' = 'csv');

--! case inner
SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON o.customer = c.id;

--! rows
--| 1 | Ada
--| 2 | Bob
--| 3 | Ada

--! case left
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON o.customer = c.id;

--! rows
--| 1 | Ada
--| 2 | Bob
--| 3 | Ada
--| 4 | NULL
--| 5 | NULL

--! case right
SELECT o.id, c.name FROM orders AS o RIGHT JOIN customers AS c ON o.customer = c.id;

--! rows
--| 1 | Ada
--| 2 | Bob
--| 3 | Ada
--| NULL | Cy

--! case full
SELECT o.id, c.name FROM orders AS o FULL OUTER JOIN customers AS c ON o.customer = c.id;

--! rows
--| 1 | Ada
--| 2 | Bob
--| 3 | Ada
--| 4 | NULL
--| 5 | NULL
--| NULL | Cy

--! case a condition beside the equality
SELECT o.id, c.name, o.amount FROM orders AS o LEFT JOIN customers AS c ON o.customer = c.id AND o.amount > 6;

--! rows
--| 1 | NULL | 5
--| 2 | Bob | 7
--| 3 | Ada | 9
--| 4 | NULL | 1
--| 5 | NULL | 3

--! case keys that are expressions
SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON o.customer + 10 = c.id;

--! rows
--| 1 | Bob
--| 2 | Cy
--| 3 | Bob

--! case in
SELECT id FROM orders WHERE customer IN (SELECT id FROM customers WHERE name <> 'Bob');

--! rows
--| 1
--| 3

--! case not in without nulls
SELECT order_id FROM payments WHERE order_id NOT IN (SELECT id FROM orders WHERE id IS NOT NULL);

--! rows
--| 9

--! case exists and not exists
SELECT name FROM customers AS c WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.customer = c.id AND o.amount > 5);

--! rows
--| Ada
--| Bob

--! case who ordered nothing
SELECT name FROM customers AS c WHERE NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.customer = c.id);

--! rows
--| Cy

--! case three tables
SELECT o.id, c.name, p.kind FROM orders AS o JOIN customers AS c ON o.customer = c.id JOIN payments AS p ON p.order_id = o.id;

--! rows
--| 1 | Ada | card
--| 2 | Bob | cash
--| 3 | Ada | card

--! case a table with itself
SELECT a.id, b.id FROM orders AS a JOIN orders AS b ON a.customer = b.customer AND a.id < b.id;

--! rows
--| 1 | 3

--! case a join of sums
SELECT c.name, s.total FROM customers AS c JOIN (SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer) AS s ON s.customer = c.id;

--! rows
--| Ada | 14
--| Bob | 7

--! case a sum of a join
SELECT c.name, SUM(o.amount) FROM customers AS c LEFT JOIN orders AS o ON o.customer = c.id GROUP BY c.name;

--! rows
--| Ada | 14
--| Bob | 7
--| Cy | NULL

--! case an interval
SELECT o.id, p.kind FROM orders AS o JOIN payments AS p ON o.id = p.order_id AND p.ts BETWEEN o.ts AND o.ts + INTERVAL '10' SECOND;

--! rows
--| 1 | card
--| 3 | card

--! case an interval, left
SELECT o.id, p.kind FROM orders AS o LEFT JOIN payments AS p ON o.id = p.order_id AND p.ts >= o.ts AND p.ts < o.ts + INTERVAL '10' SECOND;

--! rows
--| 1 | card
--| 2 | NULL
--| 3 | card
--| 4 | NULL
--| 5 | NULL

--! case an interval in WHERE
SELECT o.id, p.kind FROM orders AS o, payments AS p WHERE o.id = p.order_id AND o.ts BETWEEN p.ts - INTERVAL '1' MINUTE AND p.ts;

--! rows
--| 1 | card
--| 2 | cash
--| 3 | card

--! case a window join
SELECT o.id, p.kind, o.window_start FROM
  (SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS o
  JOIN (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS p
  ON o.id = p.order_id AND o.window_start = p.window_start AND o.window_end = p.window_end;

--! rows
--| 1 | card | 2026-01-01 00:00:00
--| 3 | card | 2026-01-01 00:00:20

--! case a window join, full
SELECT o.id, p.kind, COALESCE(o.window_start, p.window_start) FROM
  (SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '30' SECOND))) AS o
  FULL JOIN (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '30' SECOND))) AS p
  ON o.id = p.order_id AND o.window_start = p.window_start AND o.window_end = p.window_end;

--! rows
--| 1 | card | 2026-01-01 00:00:00
--| 2 | NULL | 2026-01-01 00:00:00
--| 3 | card | 2026-01-01 00:00:00
--| 4 | NULL | 2026-01-01 00:00:30
--| 5 | NULL | 2026-01-01 00:00:30
--| NULL | cash | 2026-01-01 00:00:00
--| NULL | cash | 2026-01-01 00:00:30

--! case intersect and except
SELECT id FROM orders INTERSECT SELECT order_id FROM payments;

--! rows
--| 1
--| 2
--| 3

--! case except
SELECT id FROM orders EXCEPT SELECT order_id FROM payments;
--! rows
--| 4
--| 5

--! case an outer join of revised rows
SELECT c.name, t.total FROM customers AS c LEFT JOIN (SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer) AS t ON c.id = t.customer;

--! rows
--| Ada | 14
--| Bob | 7
--| Cy | NULL

--! case a full join of revised rows
SELECT a.customer, a.total, b.n FROM (SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer) AS a
FULL JOIN (SELECT MOD(order_id, 3) * 10 AS k, COUNT(*) AS n FROM payments GROUP BY MOD(order_id, 3) * 10) AS b ON a.customer = b.k;

--! rows
--| 10 | 14 | 1
--| 20 | 7 | 1
--| 40 | 3 | NULL
--| NULL | 1 | NULL
--| NULL | NULL | 2

--! case a semi join with revised rows
SELECT name FROM customers WHERE id IN (SELECT customer FROM orders GROUP BY customer HAVING COUNT(*) > 1);

--! rows
--| Ada

--! case a semi join of rows that leave again
SELECT name FROM customers WHERE id IN (SELECT customer FROM orders GROUP BY customer HAVING COUNT(*) = 1);

--! rows
--| Bob

--! case an anti join with revised rows
SELECT name FROM customers WHERE id NOT IN (SELECT customer FROM orders WHERE customer IS NOT NULL GROUP BY customer HAVING SUM(amount) > 10);

--! rows
--| Bob
--| Cy

--! case an anti join of revised rows
SELECT customer, n FROM (SELECT customer, COUNT(*) AS n FROM orders GROUP BY customer) AS o WHERE NOT EXISTS (SELECT 1 FROM customers AS c WHERE c.id = o.customer);

--! rows
--| 40 | 1
--| NULL | 1

--! case exists with a condition on both sides
SELECT id FROM orders AS o WHERE EXISTS (SELECT 1 FROM payments AS p WHERE p.order_id = o.id AND p.ts > o.ts + INTERVAL '1' SECOND);

--! rows
--| 1
--| 2

--! case not exists with a condition on both sides
SELECT id FROM orders AS o WHERE NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.order_id = o.id AND p.ts < o.ts + INTERVAL '10' SECOND);

--! rows
--| 2
--| 4
--| 5

--! case a join with NULL on both sides
SELECT a.id, b.id AS other FROM orders AS a JOIN orders AS b ON a.customer = b.customer;

--! rows
--| 1 | 1
--| 1 | 3
--| 2 | 2
--| 3 | 1
--| 3 | 3
--| 5 | 5

--! case a join where NULLs are equal
SELECT a.id, b.id AS other FROM orders AS a JOIN orders AS b ON a.customer IS NOT DISTINCT FROM b.customer WHERE a.id <= b.id;

--! rows
--| 1 | 1
--| 1 | 3
--| 2 | 2
--| 3 | 3
--| 4 | 4
--| 5 | 5

--! case using
SELECT id, amount, name FROM orders AS o JOIN (SELECT id AS customer, name FROM customers) AS c USING (customer);

--! rows
--| 1 | 5 | Ada
--| 2 | 7 | Bob
--| 3 | 9 | Ada

--! case a left join whose condition is on the left side
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON o.customer = c.id AND o.amount > 6;

--! rows
--| 1 | NULL
--| 2 | Bob
--| 3 | Ada
--| 4 | NULL
--| 5 | NULL

--! case a left join and a filter on the right side
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON o.customer = c.id WHERE c.name IS NULL OR c.name = 'Ada';

--! rows
--| 1 | Ada
--| 3 | Ada
--| 4 | NULL
--| 5 | NULL

--! case an outer join of three tables
SELECT o.id, c.name, p.kind FROM orders AS o LEFT JOIN customers AS c ON o.customer = c.id LEFT JOIN payments AS p ON p.order_id = o.id AND p.kind = 'card';

--! rows
--| 1 | Ada | card
--| 2 | Bob | NULL
--| 3 | Ada | card
--| 4 | NULL | NULL
--| 5 | NULL | NULL

--! case an interval join, full
SELECT o.id, p.order_id, p.kind FROM orders AS o FULL JOIN payments AS p ON o.id = p.order_id AND p.ts BETWEEN o.ts AND o.ts + INTERVAL '10' SECOND;

--! rows
--| 1 | 1 | card
--| 2 | NULL | NULL
--| 3 | 3 | card
--| 4 | NULL | NULL
--| 5 | NULL | NULL
--| NULL | 2 | cash
--| NULL | 9 | cash

--! case an interval join, right, with another condition
SELECT o.id, p.order_id FROM orders AS o RIGHT JOIN payments AS p ON o.id = p.order_id AND o.ts BETWEEN p.ts - INTERVAL '5' SECOND AND p.ts AND p.kind = 'card';

--! rows
--| 1 | 1
--| 3 | 3
--| NULL | 2
--| NULL | 9

--! case an interval that is open
SELECT o.id, p.kind FROM orders AS o JOIN payments AS p ON o.id = p.order_id AND p.ts > o.ts AND p.ts < o.ts + INTERVAL '2' SECOND;

--! rows
--| 3 | card

--! case an interval join below an aggregation of windows
SELECT p.kind, COUNT(*), SUM(o.amount) FROM orders AS o JOIN payments AS p ON o.id = p.order_id AND p.ts BETWEEN o.ts - INTERVAL '1' HOUR AND o.ts + INTERVAL '1' HOUR GROUP BY p.kind;

--! rows
--| card | 2 | 14
--| cash | 1 | 7

--! case a semi join of windows
SELECT o.id FROM (SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '30' SECOND))) AS o
WHERE o.id IN (SELECT order_id FROM (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '30' SECOND))) AS p WHERE p.window_start = o.window_start AND p.window_end = o.window_end);

--! rows
--| 1
--| 3

--! case an anti join of windows
SELECT o.id FROM (SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '30' SECOND))) AS o
WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '30' SECOND))) AS p WHERE p.order_id = o.id AND p.window_start = o.window_start AND p.window_end = o.window_end);

--! rows
--| 2
--| 4
--| 5

--! case a cross join of what ends
SELECT c.name, p.kind FROM customers AS c CROSS JOIN (SELECT DISTINCT kind FROM payments) AS p;

--! rows
--| Ada | card
--| Ada | cash
--| Bob | card
--| Bob | cash
--| Cy | card
--| Cy | cash

--! case a scalar sub-query
SELECT id, amount FROM orders WHERE amount = (SELECT MAX(amount) FROM orders);
--! rows
--| 3 | 9

--! case in, of several columns
SELECT id, amount FROM orders WHERE (id, customer) IN (SELECT order_id, CAST(10 AS BIGINT) FROM payments);

--! rows
--| 1 | 5
--| 3 | 9

--! case not in, of several columns
SELECT id FROM orders WHERE (id, customer) NOT IN (SELECT order_id, CAST(10 AS BIGINT) FROM payments);

--! rows
--| 2
--| 4
--| 5

--! case any and all
SELECT id FROM orders WHERE id = ANY (SELECT order_id FROM payments WHERE kind = 'card') AND id <> ALL (SELECT order_id FROM payments WHERE kind = 'cash');

--! rows
--| 1
--| 3

--! case columns of one name
SELECT o.id, c.id, CAST(o.id AS BIGINT), CAST(o.id AS STRING) FROM orders AS o JOIN customers AS c ON o.customer = c.id;

--! rows
--| 1 | 10 | 1 | 1
--| 2 | 20 | 2 | 2
--| 3 | 10 | 3 | 3

--! case a hint that would change what is read
SELECT id FROM orders /*+ OPTIONS('csv.null-literal' = 'x') */;

--! rows
--| 1
--| 2
--| 3
--| 4
--| 5

--! case a hint that only says how to work
SELECT /*+ BROADCAST(c) */ o.id FROM orders AS o JOIN customers AS c ON o.customer = c.id WHERE c.name = 'Bob';
--! rows
--| 2
