// The JavaScript SDK, which speaks HTTP/2 for every call: node kinesis.mjs ENDPOINT ACCESS_KEY_ID SECRET
// Over https, NODE_EXTRA_CA_CERTS names the server's certificate.
import assert from 'node:assert/strict'
import {
  CreateStreamCommand, DescribeStreamSummaryCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand,
  PutRecordsCommand, RegisterStreamConsumerCommand, SplitShardCommand, SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis'

const [endpoint, accessKeyId = 'any', secretAccessKey = 'any'] = process.argv.slice(2)
const kinesis = new KinesisClient({ endpoint, region: 'eu-central-1', credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 })
const StreamName = `js-${endpoint.split(':')[0]}`
const text = (records) => records.map((record) => Buffer.from(record.Data).toString())

await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
const { StreamDescriptionSummary: { StreamARN } } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }))
const Records = ['a', 'b', 'c'].map((data) => ({ Data: Buffer.from(data), PartitionKey: 'p' }))
const put = await kinesis.send(new PutRecordsCommand({ StreamName, Records }))
assert.equal(put.FailedRecordCount, 0)

// Many at once, on one connection.
await Promise.all(Array.from({ length: 50 }, () => kinesis.send(new ListShardsCommand({ StreamName }))))

const ShardId = 'shardId-000000000000'
const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
const read = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
assert.deepEqual(text(read.Records), ['a', 'b', 'c'])
assert.equal(read.MillisBehindLatest, 0)
await assert.rejects(kinesis.send(new GetRecordsCommand({ ShardIterator: 'AAAA' })), { name: 'InvalidArgumentException' })

const { Consumer: { ConsumerARN } } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'c' }))
const { EventStream } = await kinesis.send(new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition: { Type: 'TRIM_HORIZON' } }))
const found = []
for await (const { SubscribeToShardEvent: event } of EventStream) {
  found.push(...text(event.Records))
  if (event.ChildShards) {
    assert.equal(event.ChildShards.length, 2)
  } else if (found.length === 3) {
    await kinesis.send(new PutRecordsCommand({ StreamName, Records }))
  } else if (found.length === 6) {
    await kinesis.send(new SplitShardCommand({ StreamName, ShardToSplit: ShardId, NewStartingHashKey: String(2n ** 127n) }))
  }
}
assert.deepEqual(found, ['a', 'b', 'c', 'a', 'b', 'c'])
kinesis.destroy()
console.log('ok')
