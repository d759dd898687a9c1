-- Orders and their items come as change records of two tables in one stream: each goes its own way first.
CREATE OR REPLACE STREAM "ORDERSTREAM" (
  "orderId" INTEGER NOT NULL,
  "orderAmount" DOUBLE,
  "orderStatus" VARCHAR(8),
  "orderDateTime" TIMESTAMP,
  "shipToName" VARCHAR(32),
  "shipToAddress" VARCHAR(32),
  "shipToCity" VARCHAR(32),
  "shipToState" VARCHAR(16),
  "shipToZip" VARCHAR(16));

CREATE OR REPLACE PUMP "ORDERPUMP" AS INSERT INTO "ORDERSTREAM"
SELECT STREAM "orderId", "orderAmount", "orderStatus", "orderDateTime", "shipToName", "shipToAddress", "shipToCity", "shipToState", "shipToZip"
FROM "SOURCE_SQL_STREAM_001"
WHERE "recordType" = 'order';

-- An item gets the name and the price of its product.
CREATE OR REPLACE STREAM "ORDERITEMSTREAM" (
  "orderId" INTEGER NOT NULL,
  "itemId" INTEGER NOT NULL,
  "itemQuantity" INTEGER,
  "itemAmount" REAL,
  "itemStatus" VARCHAR(8),
  "productName"VARCHAR(32),
  "productPrice" DOUBLE);

CREATE OR REPLACE PUMP "ORDERITEMPUMP" AS INSERT INTO "ORDERITEMSTREAM"
SELECT STREAM s."orderId", s."itemId", s."itemQuantity", s."itemAmount", s."itemStatus", p."productName", p."productPrice"
FROM "SOURCE_SQL_STREAM_001" AS s
LEFT JOIN "products" AS p ON s."itemId" = p."productId"
WHERE s."recordType" = 'order_item';

-- Each item with its order, whichever comes first.
CREATE OR REPLACE STREAM "ORDER_ITEM_ENRICHED_STREAM" (
  "orderId" INTEGER,
  "itemId" INTEGER,
  "itemQuantity" INTEGER,
  "itemAmount" REAL,
  "itemStatus" VARCHAR(8),
  "productName" VARCHAR(32),
  "productPrice" DOUBLE,
  "orderAmount" DOUBLE,
  "orderStatus" VARCHAR(8),
  "orderDateTime" TIMESTAMP,
  "shipToName" VARCHAR(32),
  "shipToAddress" VARCHAR(32),
  "shipToCity" VARCHAR(32),
  "shipToState" VARCHAR(16),
  "shipToZip" VARCHAR(16));

CREATE OR REPLACE PUMP "ORDERITEMENRICHEDPUMP" AS INSERT INTO "ORDER_ITEM_ENRICHED_STREAM"
SELECT STREAM
  i."orderId", i."itemId", i."itemQuantity", i."itemAmount", i."itemStatus", i."productName", i."productPrice",
  o."orderAmount", o."orderStatus", o."orderDateTime", o."shipToName", o."shipToAddress", o."shipToCity", o."shipToState", o."shipToZip"
FROM "ORDERITEMSTREAM" OVER (RANGE INTERVAL '30' MINUTE PRECEDING) AS i
JOIN "ORDERSTREAM" OVER (RANGE INTERVAL '30' MINUTE PRECEDING) AS o
ON i."orderId" = o."orderId"
