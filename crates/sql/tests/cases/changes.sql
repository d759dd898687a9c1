-- Change records of tables.

--! file captured.jsonl
--| {"data":{"id":1,"status":"new","price":5},"metadata":{"record-type":"data","operation":"insert","table-name":"orders"}}
--| {"data":{"id":2,"status":"new","price":7},"metadata":{"record-type":"data","operation":"load","table-name":"orders"}}
--| {"data":{"id":1,"status":"sent","price":5},"metadata":{"record-type":"data","operation":"update","table-name":"orders"}}
--| {"data":{"id":1,"status":"sent","price":6},"before-image":{"id":1,"status":"sent","price":5},"metadata":{"record-type":"data","operation":"update","table-name":"orders"}}
--| {"data":{"id":3,"status":"sent","price":9},"metadata":{"record-type":"data","operation":"update","table-name":"orders"}}
--| {"data":{"id":2,"status":"new","price":7},"metadata":{"record-type":"data","operation":"delete","table-name":"orders"}}
--| {"data":{"id":4,"status":"new","price":1},"metadata":{"record-type":"data","operation":"delete","table-name":"orders"}}

--! file changes.jsonl
--| {"before":null,"after":{"id":1,"status":"new","price":5},"op":"c"}
--| {"before":null,"after":{"id":2,"status":"new","price":7},"op":"c"}
--| {"before":{"id":1,"status":"new","price":5},"after":{"id":1,"status":"sent","price":6},"op":"u"}
--| {"before":{"id":2,"status":"new","price":7},"after":null,"op":"d"}

--! setup
CREATE TABLE captured (id INT, status STRING, price INT, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'captured.jsonl', 'format' = 'dms-json');
CREATE TABLE keyless (id INT, status STRING, price INT)
  WITH ('connector' = 'filesystem', 'path' = 'captured.jsonl', 'format' = 'dms-json');
CREATE TABLE changes (id INT, status STRING, price INT)
  WITH ('connector' = 'filesystem', 'path' = 'changes.jsonl', 'format' = 'debezium-json');

--! case the table as it is
SELECT * FROM captured;
--! flink differs: it has no dms-json

--! rows
--| 1 | sent | 6
--| 3 | sent | 9

--! case updates without what was before count once
SELECT status, COUNT(*), SUM(price) FROM captured GROUP BY status;
--! flink differs: it has no dms-json

--! rows
--| sent | 2 | 15

--! case columns that are not the key
SELECT status FROM captured WHERE price > 6;
--! flink differs: it has no dms-json

--! rows
--| sent

--! case two readers of one table
SELECT a.id, b.status FROM captured AS a JOIN captured AS b ON a.id = b.id;
--! flink differs: it has no dms-json

--! rows
--| 1 | sent
--| 3 | sent

--! case without a key
SELECT * FROM keyless;

--! rows
--| error: TM-SQL-0004: updates of table 'keyless' don't say what their row was before; declare PRIMARY KEY (…) NOT ENFORCED, by which rows replace each other

--! case changes that say what was before
SELECT status, COUNT(*), SUM(price) FROM changes GROUP BY status;

--! rows
--| sent | 1 | 6

--! case the largest of changes
SELECT MAX(price), COUNT(*) FROM changes;

--! rows
--| 6 | 1

--! case explained
EXPLAIN SELECT status, COUNT(*) FROM captured GROUP BY status;
--! flink differs: it has no dms-json
--! rows
--| sink terminal: rows to the terminal; revises rows
--|   calc-3: select k0@0 AS status, a0@1 AS count(Int64(1)), select status, count(Int64(1))@1 AS EXPR$1; revises rows
--|     group aggregate: count(Int64(1)); by captured.status; keeps a result a key; revises rows
--|       calc-2: select status, select status@0 AS c0, key by [0]; revises rows
--|         changelog normalize: rows of captured by key; by id; keeps a row a key; revises rows
--|           calc: key by [0]; revises rows
--|             source captured: filesystem: id, status; replays, ends; keeps positions; revises rows
