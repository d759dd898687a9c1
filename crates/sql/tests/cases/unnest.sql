-- UNNEST: a row for each element of an array, or entry of a map.

--! file orders.jsonl
--| {"id":1,"tags":["new","gift"],"items":[{"name":"pen","price":3},{"name":"ink","price":9}],"stock":{"a":1},"ts":"2026-01-01 00:00:01"}
--| {"id":2,"tags":[],"items":[],"stock":{},"ts":"2026-01-01 00:00:02"}
--| {"id":3,"tags":null,"items":null,"stock":null,"ts":"2026-01-01 00:00:12"}
--| {"id":4,"tags":["gift",null],"items":[{"name":"pen","price":null},null],"stock":{"b":2,"c":null},"ts":"2026-01-01 00:00:21"}

--! setup
CREATE TABLE orders (
  id INT, tags ARRAY<STRING>, items ARRAY<ROW<name STRING, price INT>>, stock MAP<STRING, INT>, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'orders.jsonl', 'format' = 'json');

--! case elements of an array
SELECT id, tag FROM orders CROSS JOIN UNNEST(tags) AS t (tag);

--! rows
--| 1 | gift
--| 1 | new
--| 4 | NULL
--| 4 | gift

--! case with a comma
SELECT o.id, t.tag FROM orders AS o, UNNEST(o.tags) AS t (tag) WHERE t.tag = 'gift' AND o.id > 0;

--! rows
--| 1 | gift
--| 4 | gift

--! case rows without elements stay in a LEFT JOIN
SELECT id, tag FROM orders LEFT JOIN UNNEST(tags) AS t (tag) ON TRUE;

--! rows
--| 1 | gift
--| 1 | new
--| 2 | NULL
--| 3 | NULL
--| 4 | NULL
--| 4 | gift

--! case elements and their places
SELECT id, tag, n FROM orders CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, n);

--! rows
--| 1 | gift | 2
--| 1 | new | 1
--| 4 | NULL | 2
--| 4 | gift | 1

--! case places of no elements
SELECT id, tag, n FROM orders LEFT JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, n) ON TRUE WHERE id > 1;

--! rows
--| 2 | NULL | NULL
--| 3 | NULL | NULL
--| 4 | NULL | 2
--| 4 | gift | 1

--! case an array of rows has a column for each field
SELECT id, name, price FROM orders CROSS JOIN UNNEST(items) AS t (name, price);

--! rows
--| 1 | ink | 9
--| 1 | pen | 3
--| 4 | pen | NULL

--! case places of rows that are NULL
SELECT id, name, n FROM orders LEFT JOIN UNNEST(items) WITH ORDINALITY AS t (name, price, n) ON TRUE WHERE id > 2;
--! flink differs: a NULL among rows fails the job where places are asked for

--! rows
--| 3 | NULL | NULL
--| 4 | pen | 1

--! case fields under their own names
SELECT id, t.name, t.price FROM orders CROSS JOIN UNNEST(items) AS t;

--! rows
--| 1 | ink | 9
--| 1 | pen | 3
--| 4 | pen | NULL

--! case a map has keys and values
SELECT id, k, v FROM orders CROSS JOIN UNNEST(stock) AS t (k, v);

--! rows
--| 1 | a | 1
--| 4 | b | 2
--| 4 | c | NULL

--! case a condition of the join
SELECT id, name FROM orders JOIN UNNEST(items) AS t (name, price) ON price > id;
--! flink differs: it can't plan the condition

--! rows
--| 1 | ink
--| 1 | pen

--! case two arrays
SELECT id, tag, name FROM orders CROSS JOIN UNNEST(tags) AS t (tag) CROSS JOIN UNNEST(items) AS i (name, price);

--! rows
--| 1 | gift | ink
--| 1 | gift | pen
--| 1 | new | ink
--| 1 | new | pen
--| 4 | NULL | pen
--| 4 | gift | pen

--! case an aggregation of elements
SELECT tag, COUNT(*) AS n, SUM(id) FROM orders CROSS JOIN UNNEST(tags) AS t (tag) GROUP BY tag;

--! rows
--| NULL | 1 | 4
--| gift | 2 | 5
--| new | 1 | 1

--! case windows of elements
SELECT window_start, tag, COUNT(*) FROM TABLE(TUMBLE((SELECT ts, tag FROM orders CROSS JOIN UNNEST(tags) AS t (tag)), DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, tag;

--! rows
--| 2026-01-01 00:00:00 | gift | 1
--| 2026-01-01 00:00:00 | new | 1
--| 2026-01-01 00:00:20 | NULL | 1
--| 2026-01-01 00:00:20 | gift | 1

--! case elements of rows with windows
SELECT window_end, tag, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) CROSS JOIN UNNEST(tags) AS t (tag)
GROUP BY window_start, window_end, tag;

--! rows
--| 2026-01-01 00:00:10 | gift | 1
--| 2026-01-01 00:00:10 | new | 1
--| 2026-01-01 00:00:30 | NULL | 1
--| 2026-01-01 00:00:30 | gift | 1

--! case elements of an array that is revised
SELECT few, tag FROM (SELECT id > 1 AS few, ARRAY_AGG(id) AS ids FROM orders GROUP BY id > 1) CROSS JOIN UNNEST(ids) AS t (tag);

--! rows
--| false | 1
--| true | 2
--| true | 3
--| true | 4

--! case an array of the query
SELECT * FROM UNNEST(ARRAY[3, 1, 2]) AS t (n);

--! rows
--| 1
--| 2
--| 3

--! case an array of expressions
SELECT id, x FROM orders CROSS JOIN UNNEST(ARRAY[id, id * 10]) AS t (x) WHERE id < 3;

--! rows
--| 1 | 1
--| 1 | 10
--| 2 | 2
--| 2 | 20

--! case UNNEST of no array
SELECT * FROM orders CROSS JOIN UNNEST(id) AS t (x);

--! rows
--| error: TM-SQL-0003: UNNEST takes an array or a map, not INT

--! case UNNEST in a LEFT JOIN with a condition
SELECT * FROM orders LEFT JOIN UNNEST(tags) AS t (tag) ON tag = 'gift';

--! rows
--| error: TM-SQL-0004: LEFT JOIN UNNEST has no condition; write LEFT JOIN UNNEST(…) AS u(x) ON TRUE

--! case UNNEST in a RIGHT JOIN
SELECT * FROM orders RIGHT JOIN UNNEST(tags) AS t (tag) ON TRUE;

--! rows
--| error: TM-SQL-0004: LATERAL syntax is not supported for FULL OUTER and RIGHT [OUTER | ANTI | SEMI] joins

--! case UNNEST in a sub-query of a condition
SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM UNNEST(tags) AS t (tag) WHERE tag = 'gift');
--! rows
--| error: TM-SQL-0004: this sub-query can't be made a join; join the tables by equal columns instead
