import com.amazonaws.services.schemaregistry.common.Schema;
import com.amazonaws.services.schemaregistry.common.configs.GlueSchemaRegistryConfiguration;
import com.amazonaws.services.schemaregistry.exception.AWSSchemaRegistryException;
import com.amazonaws.services.schemaregistry.serializers.GlueSchemaRegistrySerializerImpl;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.EncoderFactory;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.glue.model.DataFormat;
import software.amazon.awssdk.services.kinesis.KinesisClient;

/** Sends customers to a stream: StreamCustomers ENDPOINT STREAM SCHEMA.avsc */
public final class StreamCustomers {
    public static void main(String[] arguments) throws Exception {
        var configuration = new GlueSchemaRegistryConfiguration(Customers.registry(arguments[0], "stream"));
        var credentials = DefaultCredentialsProvider.create();
        var serializer = new GlueSchemaRegistrySerializerImpl(credentials, configuration);
        try (var kinesis = KinesisClient.builder().endpointOverride(URI.create(arguments[0])).region(Region.of(Customers.REGION)).build()) {
            for (GenericRecord customer : Customers.of(arguments[2])) {
                var bytes = new ByteArrayOutputStream();
                var encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
                new GenericDatumWriter<GenericRecord>(customer.getSchema()).write(customer, encoder);
                encoder.flush();
                var schema = new Schema(customer.getSchema().toString(), DataFormat.AVRO.name(), Customers.SCHEMA_NAME);
                byte[] record = serializer.encode(arguments[1], schema, bytes.toByteArray());
                kinesis.putRecord(r -> r.streamName(arguments[1]).partitionKey("customer").data(SdkBytes.fromByteArray(record)));
                System.out.println("Sent message");
            }
        } catch (AWSSchemaRegistryException error) {
            System.out.println("Refused: " + Customers.reason(error));
            System.exit(1);
        }
    }
}
