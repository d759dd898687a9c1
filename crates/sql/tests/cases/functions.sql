-- Flink's functions of arrays, maps, texts, URLs and codes, over columns.

--! file values.jsonl
--| {"n": 1, "a": [3, 1, null, 3], "b": [1, 7], "t": ["x", null, "y"], "m": {"k": 1, "l": 2}, "o": {"l": 5, "q": null}, "s": "hello", "u": "https://me:pw@tidemill.example:8443/a/b.html?x=1&y=two#top", "ts": "2026-01-01 00:00:01"}
--| {"n": 2, "a": [], "b": [2], "t": [], "m": {}, "o": {"z": 9}, "s": "", "u": "no url", "ts": "2026-01-01 00:00:02"}
--| {"n": 3, "a": null, "b": null, "t": null, "m": null, "o": null, "s": null, "u": null, "ts": "2026-01-01 00:00:03"}

--! setup
CREATE TABLE v (n INT, a ARRAY<INT>, b ARRAY<INT>, t ARRAY<STRING>, m MAP<STRING, INT>, o MAP<STRING, INT>, s STRING, u STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'values.jsonl', 'format' = 'json');

--! case what is in an array
--! datafusion differs: there NULL is in no array, and what is not in it has no place
SELECT n, ARRAY_CONTAINS(a, n), ARRAY_CONTAINS(a, 9), ARRAY_CONTAINS(a, CAST(NULL AS INT)), ARRAY_POSITION(a, 3), ARRAY_POSITION(a, 9), ARRAY_POSITION(a, CAST(NULL AS INT)), ARRAY_MAX(a), ARRAY_MIN(a), CARDINALITY(a) FROM v;

--! rows
--| 1 | true | false | true | 1 | 0 | NULL | 3 | 1 | 4
--| 2 | false | false | false | 0 | 0 | NULL | NULL | NULL | 0
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL

--! case arrays with more and less
SELECT n, ARRAY_APPEND(a, n), ARRAY_PREPEND(a, CAST(NULL AS INT)), ARRAY_REMOVE(a, 3), ARRAY_REMOVE(a, CAST(NULL AS INT)), ARRAY_DISTINCT(a), ARRAY_REVERSE(a) FROM v;

--! rows
--| 1 | [3, 1, NULL, 3, 1] | [NULL, 3, 1, NULL, 3] | [1, NULL] | [3, 1, 3] | [3, 1, NULL] | [3, NULL, 1, 3]
--| 2 | [2] | [NULL] | [] | [] | [] | []
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL

--! case arrays of arrays
SELECT n, ARRAY_CONCAT(a, b), ARRAY_CONCAT(a, b, a), ARRAY_UNION(a, b), ARRAY_INTERSECT(a, b), ARRAY_EXCEPT(a, b) FROM v;

--! rows
--| 1 | [3, 1, NULL, 3, 1, 7] | [3, 1, NULL, 3, 1, 7, 3, 1, NULL, 3] | [3, 1, NULL, 7] | [1] | [3, NULL]
--| 2 | [2] | [2] | [2] | [] | []
--| 3 | NULL | NULL | NULL | NULL | NULL

--! case parts of arrays
SELECT n, ARRAY_SLICE(a, 2), ARRAY_SLICE(a, 2, 3), ARRAY_SLICE(a, -2), ARRAY_SLICE(a, -3, -2), ARRAY_SLICE(a, 0, 1), ARRAY_SLICE(a, 3, 2), ARRAY_SLICE(a, 4, 99), ARRAY_SLICE(a, 1, -99), ARRAY_SLICE(a, 1, 0) FROM v;

--! rows
--| 1 | [1, NULL, 3] | [1, NULL] | [NULL, 3] | [1, NULL] | [3] | [] | [3] | [] | [3]
--| 2 | [] | [] | [] | [] | [] | [] | [] | [] | []
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL

--! case sorted arrays
--! datafusion differs: how to sort is a text there
SELECT n, ARRAY_SORT(a), ARRAY_SORT(a, FALSE), ARRAY_SORT(a, FALSE, TRUE), ARRAY_SORT(a, TRUE, FALSE), ARRAY_SORT(t) FROM v;

--! rows
--| 1 | [NULL, 1, 3, 3] | [3, 3, 1, NULL] | [NULL, 3, 3, 1] | [1, 3, 3, NULL] | [NULL, x, y]
--| 2 | [] | [] | [] | [] | []
--| 3 | NULL | NULL | NULL | NULL | NULL

--! case arrays as texts
SELECT n, ARRAY_JOIN(t, '-'), ARRAY_JOIN(t, '-', '?'), ARRAY_JOIN(t, CAST(NULL AS STRING)), ELEMENT(ARRAY[n]), ELEMENT(ARRAY_SLICE(b, 9)) FROM v;

--! rows
--| 1 | x-y | x-?-y | NULL | 1 | NULL
--| 2 |  |  | NULL | 2 | NULL
--| 3 | NULL | NULL | NULL | 3 | NULL

--! case an array of several elements has no element
SELECT ELEMENT(a) FROM v;

--! rows
--| error: TM-ENGINE-0009: a row can't be processed: ELEMENT: the array has 4 elements; the job would fail again at the same row

--! case an array of numbers has no texts
SELECT ARRAY_CONTAINS(a, 'x') FROM v;

--! rows
--| error: TM-SQL-0003: Execution error: Function 'array_contains' user-defined coercion failed with: Error during planning: the elements are of several types: INT, STRING. No function matches the given name and argument types 'array_contains(List(Int32), Utf8)'. You might need to add explicit type casts

--! case maps
SELECT n, ARRAY_SORT(MAP_KEYS(m)), ARRAY_SORT(MAP_VALUES(m)) FROM v;

--! rows
--| 1 | [k, l] | [1, 2]
--| 2 | [] | []
--| 3 | NULL | NULL

--! case maps that functions made
--! flink differs: what its MAP_UNION and MAP_FROM_ARRAYS give is no map that other expressions take (ClassCastException)
SELECT n, MAP_UNION(m, o)['l'], MAP_UNION(m, o, m)['l'], CARDINALITY(MAP_UNION(m, o)), MAP_FROM_ARRAYS(ARRAY['a', 'b'], ARRAY[n, 2])['a'], CARDINALITY(MAP_FROM_ARRAYS(ARRAY['a', 'a'], ARRAY[1, n])) FROM v;

--! rows
--| 1 | 5 | 2 | 3 | 1 | 1
--| 2 | NULL | NULL | 1 | 2 | 1
--| 3 | NULL | NULL | NULL | 3 | 1

--! case a map of a text
SELECT STR_TO_MAP('k1=v1,k2=v2')['k2'], STR_TO_MAP('k1:v1;k2;k3:', ';', ':')['k2'], STR_TO_MAP('k1:v1;k2;k3:', ';', ':')['k3'], STR_TO_MAP('a=1=2')['a'], CARDINALITY(STR_TO_MAP(s)), MAP_KEYS(STR_TO_MAP('a1', '[0-9]', 'x')) FROM v WHERE n > 1;

--! rows
--| v2 | NULL |  | 1=2 | 0 | [a]
--| v2 | NULL |  | 1=2 | NULL | [a]

--! case entries of a map
SELECT k, w FROM v CROSS JOIN UNNEST(MAP_ENTRIES(m)) AS e (k, w);

--! rows
--| k | 1
--| l | 2

--! case characters for others
SELECT TRANSLATE(s, 'el', 'ip'), TRANSLATE(s, 'el', 'i'), TRANSLATE(s, 'll', 'xy'), TRANSLATE(s, '', 'xy'), TRANSLATE(s, 'h', CAST(NULL AS STRING)), BTRIM('  x '), BTRIM('xyaxx', 'yx'), LTRIM('xyaxx', 'yx'), RTRIM('xyaxx', 'yx'), ELT(n, 'a', 'b'), ELT(n - 1, 'a', 'b') FROM v;

--! rows
--|  |  |  |  |  | x | a | axx | xya | b | a
--| NULL | NULL | NULL | NULL | NULL | x | a | axx | xya | NULL | b
--| hippo | hio | hexxo | hello | ello | x | a | axx | xya | a | NULL

--! case texts are split
SELECT SPLIT('a,b,,c', ','), SPLIT('abc', ''), SPLIT('a.b', '.'), CARDINALITY(SPLIT(s, ',')), SPLIT('a', CAST(NULL AS STRING)), INSTR(s, 'l'), INSTR(s, 'x') FROM v;

--! rows
--| [a, b, , c] | [a, b, c] | [a, b] | 0 | NULL | 0 | 0
--| [a, b, , c] | [a, b, c] | [a, b] | 1 | NULL | 3 | 0
--| [a, b, , c] | [a, b, c] | [a, b] | NULL | NULL | NULL | NULL

--! case matches of patterns
--! datafusion differs: there what is no pattern fails, and is not one that matches nothing
SELECT REGEXP_COUNT(s, 'l'), REGEXP_COUNT('abcabc', 'b.'), REGEXP_COUNT('abc', '('), REGEXP_INSTR(s, 'l+'), REGEXP_INSTR('äbc', 'b'), REGEXP_INSTR('abc', 'x'), REGEXP_INSTR('abc', '(') FROM v;

--! rows
--| 0 | 2 | NULL | 0 | 2 | 0 | NULL
--| 2 | 2 | NULL | 3 | 2 | 0 | NULL
--| NULL | 2 | NULL | NULL | 2 | 0 | NULL

--! case parts of URLs
SELECT PARSE_URL(u, 'PROTOCOL'), PARSE_URL(u, 'AUTHORITY'), PARSE_URL(u, 'USERINFO'), PARSE_URL(u, 'HOST'), PARSE_URL(u, 'PATH'), PARSE_URL(u, 'FILE'), PARSE_URL(u, 'QUERY'), PARSE_URL(u, 'REF'), PARSE_URL(u, 'QUERY', 'y'), PARSE_URL(u, 'QUERY', 'z'), PARSE_URL(u, 'host') FROM v;

--! rows
--| NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
--| NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
--| https | me:pw@tidemill.example:8443 | me:pw | tidemill.example | /a/b.html | /a/b.html?x=1&y=two | x=1&y=two | top | two | NULL | NULL

--! case URLs at their edges
SELECT PARSE_URL('http://a.com', 'PATH'), PARSE_URL('http://a.com', 'QUERY'), PARSE_URL('http://a.com?k=v', 'FILE'), PARSE_URL('foo://a.com/x', 'HOST'), PARSE_URL('HTTP://a.com/x', 'PROTOCOL'), PARSE_URL('https://[::1]:8080/x', 'HOST'), PARSE_URL('http://a.com:x/', 'HOST'), PARSE_URL('http://a@b@c/', 'HOST'),
  URL_ENCODE('a b&c=ä/~*-_.'), URL_DECODE('a+b%26c%3D%C3%A4'), URL_DECODE('%zz'), URL_DECODE('%') FROM v WHERE n = 1;

--! rows
--|  | NULL | ?k=v | NULL | http | [::1] | NULL |  | a+b%26c%3D%C3%A4%2F%7E*-_. | a b&c=ä | NULL | NULL

--! case codes
SELECT BIN(12), BIN(-1), HEX(255), HEX('Flink'), DECODE(UNHEX('466c696e6b'), 'UTF-8'), UNHEX('zz'), DECODE(ENCODE('hä', 'UTF-16LE'), 'UTF-16LE'), DECODE(UNHEX('e4'), 'US-ASCII'), SHA1('a'), SHA2('a', 256) = SHA256('a'), SHA2('a', 224) = SHA224('a') FROM v WHERE n = 1;

--! rows
--| 1100 | 1111111111111111111111111111111111111111111111111111111111111111 | FF | 466C696E6B | Flink | NULL | hä | � | 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 | true | true

--! case codes of bytes
--! flink differs: its HEX takes no bytes
SELECT HEX(UNHEX('1ab')), HEX(ENCODE('hä', 'UTF-8')), HEX(ENCODE('hä', 'ISO-8859-1')), HEX(ENCODE('h', 'UTF-16')) FROM v WHERE n = 1;

--! rows
--| 00AB | 68C3A4 | 68E4 | FEFF0068

--! case addresses
SELECT INET_ATON('127.0.0.1'), INET_ATON('127.1'), INET_ATON('1.2.3'), INET_ATON('256.0.0.1'), INET_ATON(s), INET_NTOA(2130706433), INET_NTOA(-1), INET_NTOA(INET_ATON('10.0.0.7')) FROM v WHERE n = 1;

--! rows
--| 2130706433 | 2130706433 | 16908291 | NULL | NULL | 127.0.0.1 | NULL | 10.0.0.7

--! case formatted values
SELECT PRINTF('%s is %d', s, n), PRINTF('%05d|%x|%X|%o|%-5s|%5s|%,d|%%|%+d|%(d', 15, 255, 255, 8, 'a', 'b', 1234567, 5, -5), PRINTF('%.2f|%8.3f|%08.2f|%,.1f|%e|%.1E', CAST(1.255 AS DOUBLE), CAST(-2.5 AS DOUBLE), CAST(3 AS DOUBLE), CAST(12345.67 AS DOUBLE), CAST(0.00012 AS DOUBLE), CAST(12.5 AS DOUBLE)),
  PRINTF('%b %s', TRUE, 1.5e0), PRINTF('%2$s %1$s', 'a', 'b'), PRINTF('%d', 'a'), PRINTF('%s'), PRINTF('%.2s', 'abc'), PRINTF('no', 1) FROM v WHERE n < 3;

--! rows
--|  is 2 | 00015|ff|FF|10|a    |    b|1,234,567|%|+5|(5) | 1.26|  -2.500|00003.00|12,345.7|1.200000e-04|1.3E+01 | true 1.5 | b a | NULL | NULL | ab | no
--| hello is 1 | 00015|ff|FF|10|a    |    b|1,234,567|%|+5|(5) | 1.26|  -2.500|00003.00|12,345.7|1.200000e-04|1.3E+01 | true 1.5 | b a | NULL | NULL | ab | no

--! case times of other zones
SELECT CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles'), CONVERT_TZ('1970-01-01 00:00:00', 'GMT-08:00', 'UTC'), CONVERT_TZ('2026-06-01 12:00:00.5', 'UTC', 'Europe/Berlin'), CONVERT_TZ('x', 'UTC', 'Europe/Berlin'), CONVERT_TZ('2026-06-01 12:00:00', 'UTC', 'Nowhere'), CONVERT_TZ('2026-06-01 12:00:00', 'UTC', 'PST'),
  CONVERT_TZ('2026-03-29 02:30:00', 'Europe/Berlin', 'UTC'), CONVERT_TZ('2026-10-25 02:30:00', 'Europe/Berlin', 'UTC'), CONVERT_TZ('2026-06-01 12:00:00', 'UTC', 'GMT+2'), CONVERT_TZ('2026-06-01 12:00:00', 'UTC', '+02:00'), CONVERT_TZ('2026-02-30 12:00:00', 'UTC', 'UTC') FROM v WHERE n = 1;

--! rows
--| 1969-12-31 16:00:00 | 1970-01-01 08:00:00 | 2026-06-01 14:00:00 | NULL | 2026-06-01 12:00:00 | 2026-06-01 05:00:00 | 2026-03-29 01:30:00 | 2026-10-25 01:30:00 | 2026-06-01 14:00:00 | 2026-06-01 12:00:00 | 2026-03-02 12:00:00

--! case hyperbolic functions and whole random numbers
SELECT ROUND(SINH(1), 6), ROUND(COSH(1), 6), ROUND(TANH(1), 6), RAND_INTEGER(5) BETWEEN 0 AND 4, CEILING(1.5), CHARACTER_LENGTH(s), SUBSTR(s, 2, 3) FROM v WHERE n = 1;

--! rows
--| 1.175201 | 1.543081 | 0.761594 | true | 2 | 5 | ell

--! case types
SELECT TYPEOF(n), TYPEOF(a), TYPEOF(m), TYPEOF(s), TYPEOF(ts), TYPEOF(s, TRUE), TYPEOF(UPPER(s)), TYPEOF(1), TYPEOF('abc'), TYPEOF(1.50), TYPEOF(TRUE), TYPEOF(CAST(n AS DECIMAL(5, 2))), TYPEOF(NULL) FROM v WHERE u LIKE 'https%';

--! rows
--| INT | ARRAY<INT> | MAP<STRING, INT> | STRING | TIMESTAMP(3) | VARCHAR(2147483647) | STRING | INT NOT NULL | CHAR(3) NOT NULL | DECIMAL(3, 2) NOT NULL | BOOLEAN NOT NULL | DECIMAL(5, 2) | NULL

--! case rows that the watermark has not passed
SELECT n FROM v WHERE CURRENT_WATERMARK(ts) IS NULL OR CURRENT_WATERMARK(ts) <= ts + INTERVAL '1' HOUR;

--! rows
--| 1
--| 2
--| 3

--! case the watermark is that of a time column
SELECT CURRENT_WATERMARK(ts + INTERVAL '1' SECOND) FROM v;

--! rows
--| error: TM-SQL-0004: CURRENT_WATERMARK is for the event time of the rows; declare WATERMARK FOR a column of the table, and select it as it is

--! case percentiles
SELECT PERCENTILE(n, 0.5), PERCENTILE(n, 0.3), PERCENTILE(n, ARRAY[0.25, 1]), PERCENTILE(n, 0.5, n), PERCENTILE(DISTINCT n, 0.5), PERCENTILE(n, 0.5) FILTER (WHERE n > 5), PERCENTILE(n, 0.5, 0), PERCENTILE(CAST(n AS DECIMAL(5, 2)), 0.25) FROM v;

--! rows
--| 2.0 | 1.6 | [1.5, 3.0] | 2.5 | 2.0 | NULL | NULL | 1.5

--! case percentiles of windows
SELECT window_end, PERCENTILE(n, 0.75), PERCENTILE(n, ARRAY[0, 1]) FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(ts), INTERVAL '3' SECOND)) GROUP BY window_start, window_end;

--! rows
--| 2026-01-01 00:00:03 | 1.75 | [1.0, 2.0]
--| 2026-01-01 00:00:06 | 3.0 | [3.0, 3.0]

--! case percentiles of revised rows
SELECT PERCENTILE(total, 0.5) FROM (SELECT n % 2 AS odd, SUM(n) AS total FROM v GROUP BY n % 2);

--! rows
--| 3.0

--! case between two bounds in any order
SELECT n, n BETWEEN SYMMETRIC 3 AND 2, n NOT BETWEEN SYMMETRIC 3 AND 2, n BETWEEN ASYMMETRIC 3 AND 2, n NOT BETWEEN ASYMMETRIC 1 AND 2, n BETWEEN SYMMETRIC CAST(NULL AS INT) AND 2 FROM v WHERE n BETWEEN SYMMETRIC 3 AND 0 AND s IS NOT NULL OR n = 3;

--! rows
--| 1 | false | true | false | false | NULL
--| 2 | true | false | false | false | NULL
--| 3 | true | false | false | true | NULL

--! case periods that overlap
SELECT (DATE '2026-01-01', DATE '2026-01-05') OVERLAPS (DATE '2026-01-09', DATE '2026-01-04'), (ts, INTERVAL '10' SECOND) OVERLAPS (TIMESTAMP '2026-01-01 00:00:12', TIMESTAMP '2026-01-01 00:00:20'), (ts, ts) OVERLAPS (ts, INTERVAL '1' MONTH), (DATE '2026-01-01', CAST(NULL AS DATE)) OVERLAPS (DATE '2026-01-06', DATE '2026-01-09') FROM v;

--! rows
--| true | false | true | false
--| true | true | true | false
--| true | true | true | false

--! case what OVERLAPS takes
SELECT n FROM v WHERE n OVERLAPS n;

--! rows
--| error: TM-SQL-0001: OVERLAPS compares two pairs of times; write (begin, end) OVERLAPS (begin, end), or an interval for an end

--! case what is shown can be chosen
--! flink differs: these are no rows of a query, so that they are not compared
CREATE VIEW vv AS SELECT n FROM v;
CREATE FUNCTION twice(x INT) RETURNS INT RETURN 2 * x;
SHOW TABLES LIKE 'v_';
SHOW TABLES NOT LIKE '%v';
SHOW VIEWS ILIKE 'V%';
SHOW FUNCTIONS ILIKE 'ARRAY_MAX';
SHOW USER FUNCTIONS;
SHOW COLUMNS FROM v LIKE 't%';

--! rows
--| vv
--| vv
--| array_max
--| twice
--| t | ARRAY<STRING> | true |  |  |  |
--| ts | TIMESTAMP(3) | true |  |  | ts - INTERVAL '1' SECOND |

--! case settings that only say how Flink works
SET 'sql-client.execution.result-mode' = 'tableau';
SET 'execution.runtime-mode' = 'streaming';
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '1 s';
SET 'table.exec.mini-batch.size' = '1000';
SET 'table.optimizer.agg-phase-strategy' = 'TWO_PHASE';
SET 'execution.checkpointing.interval' = '10 s';
SELECT COUNT(*) FROM v;

--! rows
--| 3

--! case settings that would change results
SET 'execution.runtime-mode' = 'batch';

--! rows
--| error: TM-SQL-0004: 'execution.runtime-mode' = 'batch' of Flink is not built; a job whose inputs end ends with them; leave it out

--! case a zone of the session
SET 'table.local-time-zone' = 'Europe/Berlin';
--! rows
--| error: TM-SQL-0004: 'table.local-time-zone' = 'Europe/Berlin' of Flink is not built; times are those of UTC; use CONVERT_TZ
