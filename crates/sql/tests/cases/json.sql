-- Functions of JSON.

--! file events.csv
--| 1;{"type":"view","page":{"title":"Pens","tags":["a","b"]},"n":3,"ok":true,"price":1.5};a
--| 2;{"type":"order","n":"7","items":[{"id":1},{"id":2}],"note":null};a
--| 3;[1, "two", {"x-y": 3}];b
--| 4;no json;b
--| 5;"text";b
--| 6;;a

--! setup
CREATE TABLE events (id INT, body STRING, kind STRING)
  WITH ('connector' = 'filesystem', 'path' = 'events.csv', 'format' = 'csv', 'csv.field-delimiter' = ';', 'csv.null-literal' = '', 'csv.disable-quote-character' = 'true');

--! case values of places
SELECT id, JSON_VALUE(body, '$.type'), JSON_VALUE(body, 'lax $.page.title'), JSON_VALUE(body, '$[1]') FROM events;

--! rows
--| 1 | view | Pens | NULL
--| 2 | order | NULL | NULL
--| 3 | NULL | NULL | two
--| 4 | NULL | NULL | NULL
--| 5 | NULL | NULL | NULL
--| 6 | NULL | NULL | NULL

--! case values of types
SELECT id, JSON_VALUE(body, '$.n' RETURNING INTEGER) + 1, JSON_VALUE(body, '$.ok' RETURNING BOOLEAN), JSON_VALUE(body, '$.price' RETURNING DOUBLE) * 2
FROM events WHERE id = 1;

--! rows
--| 1 | 4 | true | 3.0

--! case instead of nothing, and of an error
SELECT id, JSON_VALUE(body, 'lax $.type' DEFAULT 'none' ON EMPTY DEFAULT 'broken' ON ERROR) AS t,
  JSON_VALUE(body, 'strict $.type' NULL ON EMPTY DEFAULT 'failed' ON ERROR) AS s
FROM events;

--! rows
--| 1 | view | view
--| 2 | order | order
--| 3 | none | failed
--| 4 | none | failed
--| 5 | none | failed
--| 6 | NULL | NULL

--! case an object is no value
SELECT id, JSON_VALUE(body, 'lax $.page' DEFAULT 'empty' ON EMPTY DEFAULT 'error' ON ERROR),
  JSON_VALUE(body, 'strict $.page' DEFAULT 'empty' ON EMPTY DEFAULT 'error' ON ERROR) FROM events WHERE id < 3;

--! rows
--| 1 | empty | error
--| 2 | empty | error

--! case a value that is null
SELECT id, JSON_VALUE(body, '$.note' DEFAULT 'none' ON EMPTY), JSON_VALUE(body, 'lax $.note' DEFAULT 'none' ON EMPTY),
  JSON_QUERY(body, '$.note' EMPTY ARRAY ON EMPTY EMPTY OBJECT ON ERROR), JSON_QUERY(body, 'lax $.note' EMPTY ARRAY ON EMPTY EMPTY OBJECT ON ERROR),
  JSON_EXISTS(body, '$.note'), JSON_EXISTS(body, 'lax $.note') FROM events WHERE id = 2;

--! rows
--| 2 | NULL | none | {} | [] | false | false

--! case parts of JSON
SELECT id, JSON_QUERY(body, '$.page'), JSON_QUERY(body, 'lax $.items'), JSON_QUERY(body, '$.type') FROM events;

--! rows
--| 1 | {"tags":["a","b"],"title":"Pens"} | NULL | NULL
--| 2 | NULL | [{"id":1},{"id":2}] | NULL
--| 3 | NULL | NULL | NULL
--| 4 | NULL | NULL | NULL
--| 5 | NULL | NULL | NULL
--| 6 | NULL | NULL | NULL

--! case parts in arrays
SELECT id, JSON_QUERY(body, 'lax $.type' WITH ARRAY WRAPPER), JSON_QUERY(body, 'lax $.page.tags' WITH CONDITIONAL ARRAY WRAPPER),
  JSON_QUERY(body, 'lax $.page.tags' WITH UNCONDITIONAL ARRAY WRAPPER) FROM events WHERE id < 3;

--! rows
--| 1 | ["view"] | ["a","b"] | [["a","b"]]
--| 2 | ["order"] | NULL | NULL

--! case empty parts
SELECT id, JSON_QUERY(body, 'lax $.none' EMPTY ARRAY ON EMPTY), JSON_QUERY(body, 'strict $.none' NULL ON EMPTY EMPTY OBJECT ON ERROR)
FROM events WHERE id < 5;

--! rows
--| 1 | [] | {}
--| 2 | [] | {}
--| 3 | [] | {}
--| 4 | [] | {}

--! case all elements of an array
SELECT id, JSON_QUERY(body, '$.items[*].id'), JSON_VALUE(body, 'lax $.items[1].id') FROM events WHERE id = 2;

--! rows
--| 2 | [1,2] | 2

--! case a member with a hyphen
SELECT JSON_VALUE(body, '$[2].x-y') FROM events WHERE id = 3;

--! rows
--| 3

--! case whether a place exists
SELECT id, JSON_EXISTS(body, '$.type'), JSON_EXISTS(body, 'strict $.type' TRUE ON ERROR), JSON_EXISTS(body, 'strict $.type' UNKNOWN ON ERROR)
FROM events;

--! rows
--| 1 | true | true | true
--| 2 | true | true | true
--| 3 | false | true | NULL
--| 4 | false | true | NULL
--| 5 | false | true | NULL
--| 6 | NULL | NULL | NULL

--! case places as a condition
SELECT id FROM events WHERE JSON_EXISTS(body, 'lax $.page.tags') OR JSON_VALUE(body, 'lax $.type') = 'order';

--! rows
--| 1
--| 2

--! case what is JSON
SELECT id, body IS JSON, body IS JSON OBJECT, body IS JSON ARRAY, body IS JSON SCALAR, body IS NOT JSON VALUE FROM events WHERE id < 6;

--! rows
--| 1 | true | true | false | false | false
--| 2 | true | true | false | false | false
--| 3 | true | false | true | false | false
--| 4 | false | false | false | false | true
--| 5 | true | false | false | true | false

--! case NULL is no JSON
SELECT id, body IS JSON, body IS NOT JSON FROM events WHERE id = 6;

--! rows
--| 6 | false | true

--! case objects
SELECT id, JSON_OBJECT(KEY 'id' VALUE id, 'kind' VALUE kind, 'half' VALUE id * 0.5, 'none' VALUE CAST(NULL AS STRING)) FROM events WHERE id < 3;

--! rows
--| 1 | {"half":0.5,"id":1,"kind":"a","none":null}
--| 2 | {"half":1.0,"id":2,"kind":"a","none":null}

--! case objects without nulls, and in each other
SELECT JSON_OBJECT('b' VALUE JSON_ARRAY(id, kind), 'a' VALUE JSON_OBJECT('kind' VALUE kind), 'n' VALUE CAST(NULL AS INT) ABSENT ON NULL),
  JSON_OBJECT() FROM events WHERE id < 3;

--! rows
--| {"a":{"kind":"a"},"b":[1,"a"]} | {}
--| {"a":{"kind":"a"},"b":[2,"a"]} | {}

--! case arrays
SELECT JSON_ARRAY(id, kind, TRUE, CAST(NULL AS INT)), JSON_ARRAY(id, CAST(NULL AS INT) NULL ON NULL), JSON_ARRAY() FROM events WHERE id < 3;

--! rows
--| [1,"a",true] | [1,null] | []
--| [2,"a",true] | [2,null] | []

--! case values as JSON
SELECT id, JSON_STRING(id), JSON_STRING(kind), JSON_STRING(id > 2), JSON_STRING(CAST(NULL AS INT)), JSON_STRING(ARRAY[id, 2])
FROM events WHERE id < 3;

--! rows
--| 1 | 1 | "a" | false | NULL | [1,2]
--| 2 | 2 | "a" | false | NULL | [2,2]

--! case texts in quotes
SELECT JSON_QUOTE('say "x"'), JSON_UNQUOTE('"a\u0041b"'), JSON_UNQUOTE('plain') FROM events WHERE id = 1;

--! rows
--| "say \"x\"" | aAb | plain

--! case the objects of groups
SELECT kind, JSON_OBJECTAGG(KEY CAST(id AS STRING) VALUE id * 10) FROM events GROUP BY kind;

--! rows
--| a | {"1":10,"2":20,"6":60}
--| b | {"3":30,"4":40,"5":50}

--! case the arrays of groups
SELECT kind, JSON_ARRAYAGG(id) AS ids, JSON_ARRAYAGG(CASE WHEN id > 2 THEN id END NULL ON NULL) AS late FROM events GROUP BY kind;

--! rows
--| a | [1,2,6] | [null,null,6]
--| b | [3,4,5] | [3,4,5]

--! case the arrays of some of a group
SELECT kind, JSON_ARRAYAGG(id) FILTER (WHERE id > 2) AS few, JSON_OBJECTAGG(KEY kind VALUE id) FILTER (WHERE id < 3) FROM events GROUP BY kind;
--! flink differs: it can't parse FILTER there

--! rows
--| a | [6] | {"a":2}
--| b | [3,4,5] | {}

--! case members of one name
SELECT JSON_OBJECTAGG(KEY kind VALUE id) FROM events WHERE id <> 2 AND id <> 4 AND id <> 5 AND id <> 6;

--! rows
--| {"a":1,"b":3}

--! case values of types that don't fit
SELECT id, JSON_VALUE(body, '$.type' RETURNING INTEGER DEFAULT 0 ON ERROR), JSON_VALUE(body, '$.n' RETURNING INTEGER), JSON_VALUE(body, '$.n' RETURNING STRING)
FROM events WHERE id < 3;
--! flink differs: a value of another type fails the job

--! rows
--| 1 | 0 | 3 | 3
--| 2 | 0 | 7 | 7

--! case arrays of all rows
SELECT JSON_ARRAYAGG(JSON_OBJECT('id' VALUE id)) FROM events;

--! rows
--| [{"id":1},{"id":2},{"id":3},{"id":4},{"id":5},{"id":6}]

--! case a path that is none
SELECT JSON_VALUE(body, 'type') FROM events;

--! rows
--| error: TM-SQL-0001: 'type' is no path of JSON: at position 0, parser error; write 'lax $.name[0]'

--! case a type that JSON_VALUE does not return
SELECT JSON_VALUE(body, '$.n' RETURNING DATE) FROM events;

--! rows
--| error: TM-SQL-0001: JSON_VALUE returns STRING, BOOLEAN, INTEGER, BIGINT or DOUBLE: CAST it to DATE

--! case JSON of a number
SELECT JSON_VALUE(id, '$.n') FROM events;

--! rows
--| error: TM-SQL-0003: Execution error: Function 'json_value' user-defined coercion failed with: Error during planning: a text that holds JSON is expected, not INT. No function matches the given name and argument types 'json_value(Int32, Utf8, Utf8, Utf8, Null, Utf8, Null)'. You might need to add explicit type casts

--! case an error that is asked for
SELECT JSON_VALUE(body, 'strict $.none' ERROR ON ERROR) FROM events;
--! rows
--| error: TM-ENGINE-0009: a row can't be processed: JSON_VALUE: there is nothing at the path; the job would fail again at the same row
