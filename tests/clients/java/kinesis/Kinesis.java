import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URI;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.interceptor.SdkExecutionAttribute;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.*;

/** The Java SDK 2, which speaks CBOR over HTTP/2, and JSON where events are streamed: Kinesis ENDPOINT [CERTIFICATE.pem]. */
public final class Kinesis {
    private static final String FIRST = "shardId-000000000000";
    private static final String HALF = "170141183460469231731687303715884105728";
    private static final Set<String> contentTypes = new ConcurrentSkipListSet<>(), subscribedAs = new ConcurrentSkipListSet<>();
    private static KinesisAsyncClient kinesis;
    private static String stream;

    public static void main(String[] arguments) throws Exception {
        URI endpoint = URI.create(arguments[0]);
        stream = "java-" + endpoint.getScheme();
        var http = NettyNioAsyncHttpClient.builder();
        if (arguments.length > 1) {
            TrustManager[] trusted = trusting(arguments[1]);
            http.tlsTrustManagersProvider(() -> trusted);
        }
        kinesis = KinesisAsyncClient.builder()
            .endpointOverride(endpoint)
            .region(Region.EU_CENTRAL_1)
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("any", "any")))
            .httpClientBuilder(http)
            .overrideConfiguration(c -> c.apiCallTimeout(Duration.ofSeconds(30)).addExecutionInterceptor(new Watch()))
            .build();
        putsAndReads();
        reshards();
        subscribes();
        failsAsTheServiceDoes();
        check(contentTypes, Set.of("application/x-amz-cbor-1.1"));
        check(subscribedAs, Set.of("application/x-amz-json-1.1"));
        kinesis.close();
        System.out.println("ok");
    }

    private static void putsAndReads() {
        Instant begun = Instant.now().minusSeconds(1);
        kinesis.createStream(r -> r.streamName(stream).shardCount(1)).join();
        kinesis.waiter().waitUntilStreamExists(r -> r.streamName(stream)).join();
        var summary = kinesis.describeStreamSummary(r -> r.streamName(stream)).join().streamDescriptionSummary();
        check(summary.streamCreationTimestamp().isAfter(begun), true);
        var put = kinesis.putRecord(r -> r.streamName(stream).partitionKey("p").data(SdkBytes.fromUtf8String("0"))).join();
        check(put.shardId(), FIRST);
        check(putAll("1", "2").failedRecordCount(), 0);
        var all = read(FIRST, r -> r.shardIteratorType(ShardIteratorType.TRIM_HORIZON));
        check(text(all.records()), List.of("0", "1", "2"));
        check(all.records().get(0).sequenceNumber(), put.sequenceNumber());
        check(all.millisBehindLatest(), 0L);
        Instant arrived = all.records().get(0).approximateArrivalTimestamp();
        check(arrived.isAfter(begun) && arrived.isBefore(Instant.now().plusSeconds(1)), true);
        // A time in a request and one in an answer are of the same unit.
        check(text(read(FIRST, r -> r.shardIteratorType(ShardIteratorType.AT_TIMESTAMP).timestamp(arrived)).records()).get(0), "0");
        var after = read(FIRST, r -> r.shardIteratorType(ShardIteratorType.AFTER_SEQUENCE_NUMBER).startingSequenceNumber(put.sequenceNumber()));
        check(text(after.records()), List.of("1", "2"));
        var next = kinesis.getRecords(r -> r.shardIterator(after.nextShardIterator())).join();
        check(next.records().isEmpty(), true);
    }

    private static void reshards() {
        kinesis.splitShard(r -> r.streamName(stream).shardToSplit(FIRST).newStartingHashKey(HALF)).join();
        kinesis.waiter().waitUntilStreamExists(r -> r.streamName(stream)).join();
        var ended = read(FIRST, r -> r.shardIteratorType(ShardIteratorType.TRIM_HORIZON));
        check(text(ended.records()), List.of("0", "1", "2"));
        check(ended.nextShardIterator(), null);
        check(ended.childShards().stream().map(ChildShard::shardId).toList(), List.of("shardId-000000000001", "shardId-000000000002"));
        putAll("3", "4");
        kinesis.mergeShards(r -> r.streamName(stream).shardToMerge("shardId-000000000001").adjacentShardToMerge("shardId-000000000002")).join();
        var shards = kinesis.listShards(r -> r.streamName(stream)).join().shards();
        check(shards.size(), 4);
        check(shards.get(3).parentShardId() + " " + shards.get(3).adjacentParentShardId(), "shardId-000000000001 shardId-000000000002");
        check(shards.get(1).sequenceNumberRange().endingSequenceNumber() != null, true);
        var found = new ArrayList<String>();
        for (String child : List.of("shardId-000000000001", "shardId-000000000002")) {
            found.addAll(text(read(child, r -> r.shardIteratorType(ShardIteratorType.TRIM_HORIZON)).records()));
        }
        check(found, List.of("3", "4"));
    }

    private static void subscribes() throws Exception {
        String shard = "shardId-000000000003";
        String arn = kinesis.describeStreamSummary(r -> r.streamName(stream)).join().streamDescriptionSummary().streamARN();
        var consumer = kinesis.registerStreamConsumer(r -> r.streamARN(arn).consumerName("c")).join().consumer();
        BlockingQueue<SubscribeToShardEvent> events = new LinkedBlockingQueue<>();
        var handler = SubscribeToShardResponseHandler.builder()
            .subscriber(SubscribeToShardResponseHandler.Visitor.builder().onSubscribeToShardEvent(events::add).build())
            .build();
        var subscription = kinesis.subscribeToShard(
            r -> r.consumerARN(consumer.consumerARN()).shardId(shard).startingPosition(p -> p.type(ShardIteratorType.LATEST))
                .overrideConfiguration(c -> c.apiCallTimeout(Duration.ofMinutes(6))),
            handler);
        // The first event, of an idle shard, says that it has begun.
        check(next(events).records().isEmpty(), true);
        putAll("5");
        check(text(next(events).records()), List.of("5"));
        putAll("6", "7");
        check(text(next(events).records()), List.of("6", "7"));
        kinesis.splitShard(r -> r.streamName(stream).shardToSplit(shard).newStartingHashKey(HALF)).join();
        check(next(events).childShards().size(), 2);
        subscription.get(30, TimeUnit.SECONDS);
    }

    private static void failsAsTheServiceDoes() {
        fails(ResourceNotFoundException.class, () -> kinesis.describeStreamSummary(r -> r.streamName("nowhere")).join());
        fails(InvalidArgumentException.class, () -> kinesis.getRecords(r -> r.shardIterator("AAAA")).join());
        fails(ResourceInUseException.class, () -> kinesis.createStream(r -> r.streamName(stream).shardCount(1)).join());
        kinesis.deleteStream(r -> r.streamName(stream).enforceConsumerDeletion(true)).join();
    }

    private static PutRecordsResponse putAll(String... data) {
        var records = Stream.of(data)
            .map(each -> PutRecordsRequestEntry.builder().partitionKey("p").data(SdkBytes.fromUtf8String(each)).build())
            .toList();
        return kinesis.putRecords(r -> r.streamName(stream).records(records)).join();
    }

    private static GetRecordsResponse read(String shard, Consumer<GetShardIteratorRequest.Builder> from) {
        String iterator = kinesis.getShardIterator(r -> from.accept(r.streamName(stream).shardId(shard))).join().shardIterator();
        return kinesis.getRecords(r -> r.shardIterator(iterator)).join();
    }

    private static List<String> text(List<software.amazon.awssdk.services.kinesis.model.Record> records) {
        return records.stream().map(record -> record.data().asUtf8String()).toList();
    }

    /** The next event; there has to be one within the time of three signs of life. */
    private static SubscribeToShardEvent next(BlockingQueue<SubscribeToShardEvent> events) throws InterruptedException {
        SubscribeToShardEvent event = events.poll(15, TimeUnit.SECONDS);
        check(event != null, true);
        return event;
    }

    private static void fails(Class<? extends Exception> kind, Runnable call) {
        try {
            call.run();
        } catch (RuntimeException error) {
            check(error.getCause().getClass(), kind);
            return;
        }
        throw new AssertionError("no " + kind);
    }

    private static void check(Object found, Object wanted) {
        if (found == null ? wanted != null : !found.equals(wanted)) {
            throw new AssertionError(found + " instead of " + wanted);
        }
    }

    private static TrustManager[] trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream bytes = new FileInputStream(file)) {
            for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(bytes)) {
                store.setCertificateEntry("tidemill", certificate);
            }
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    /** Notes what requests are encoded as. */
    private static final class Watch implements ExecutionInterceptor {
        @Override
        public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
            context.httpRequest().firstMatchingHeader("Content-Type").ifPresent(type ->
                (attributes.getAttribute(SdkExecutionAttribute.OPERATION_NAME).equals("SubscribeToShard") ? subscribedAs : contentTypes).add(type));
        }
    }
}
