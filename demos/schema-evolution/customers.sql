-- The customers of the stream, whichever schema they were written with. ENDPOINT is the server's URL.
CREATE TABLE customers (
  first_name STRING,
  last_name  STRING,
  full_name  STRING
) WITH (
  'connector' = 'kinesis', 'stream.arn' = 'customers', 'source.init.position' = 'TRIM_HORIZON',
  'aws.region' = 'us-east-2', 'aws.endpoint' = 'ENDPOINT',
  'format' = 'avro', 'schema.registry' = 'glue+ENDPOINT'
);

SELECT first_name, last_name, full_name FROM customers;
