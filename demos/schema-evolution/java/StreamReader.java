import com.amazonaws.services.schemaregistry.common.configs.GlueSchemaRegistryConfiguration;
import com.amazonaws.services.schemaregistry.deserializers.GlueSchemaRegistryDeserializerImpl;
import java.net.URI;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ResourceInUseException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** Prints the customers of a stream, which it makes, until it is stopped: StreamReader ENDPOINT STREAM */
public final class StreamReader {
    public static void main(String[] arguments) throws Exception {
        var configuration = new GlueSchemaRegistryConfiguration(Customers.registry(arguments[0], "stream"));
        var deserializer = new GlueSchemaRegistryDeserializerImpl(DefaultCredentialsProvider.create(), configuration);
        var kinesis = KinesisClient.builder().endpointOverride(URI.create(arguments[0])).region(Region.of(Customers.REGION)).build();
        try {
            kinesis.createStream(r -> r.streamName(arguments[1]).shardCount(1));
        } catch (ResourceInUseException there) {
            // As it should be.
        }
        kinesis.waiter().waitUntilStreamExists(r -> r.streamName(arguments[1]));
        String shard = kinesis.listShards(r -> r.streamName(arguments[1])).shards().get(0).shardId();
        String iterator = kinesis.getShardIterator(
            r -> r.streamName(arguments[1]).shardId(shard).shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
        System.out.println("Reading");
        while (iterator != null) {
            String from = iterator;
            var read = kinesis.getRecords(r -> r.shardIterator(from));
            for (var record : read.records()) {
                byte[] bytes = record.data().asByteArray();
                Schema schema = new Schema.Parser().parse(deserializer.getSchema(bytes).getSchemaDefinition());
                var decoder = DecoderFactory.get().binaryDecoder(deserializer.getData(bytes), null);
                System.out.println("Received message: value = " + new GenericDatumReader<GenericRecord>(schema).read(null, decoder));
            }
            iterator = read.nextShardIterator();
            Thread.sleep(200);
        }
    }
}
