import com.amazonaws.services.schemaregistry.deserializers.GlueSchemaRegistryKafkaDeserializer;
import com.amazonaws.services.schemaregistry.serializers.GlueSchemaRegistryKafkaSerializer;
import com.amazonaws.services.schemaregistry.serializers.json.JsonDataWithSchema;
import com.amazonaws.services.schemaregistry.utils.AWSSchemaRegistryConstants;
import com.amazonaws.services.schemaregistry.utils.AvroRecordType;
import com.amazonaws.services.schemaregistry.utils.ProtobufMessageType;
import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.glue.GlueClient;
import software.amazon.awssdk.services.glue.model.DataFormat;
import software.amazon.awssdk.services.glue.model.GetSchemaVersionResponse;
import software.amazon.awssdk.services.glue.model.SchemaVersionStatus;

/** AWS's serializers for Java, which register what they write: Glue ENDPOINT. */
public final class Glue {
    private static final String FIRST = "{'type':'record','name':'Customer','fields':[{'name':'id','type':'long'}]}".replace('\'', '"');
    private static final String EVOLVED = FIRST.replace("]}", ",{\"name\":\"city\",\"type\":[\"null\",\"string\"],\"default\":null}]}");
    private static final String CLASHING = FIRST.replace("]}", ",{\"name\":\"age\",\"type\":\"int\"}]}");
    private static String endpoint;
    private static GlueClient glue;

    public static void main(String[] arguments) throws Exception {
        endpoint = arguments[0];
        System.setProperty("aws.accessKeyId", "any");
        System.setProperty("aws.secretAccessKey", "any");
        glue = GlueClient.builder().endpointOverride(URI.create(endpoint)).region(Region.EU_CENTRAL_1).build();
        avroEvolves();
        jsonIsChecked();
        protobufNamesItsMessage();
        System.out.println("ok");
    }

    private static void avroEvolves() {
        // Without leave to register, an unknown schema is refused.
        fails("Auto registration of schema is not enabled", () -> serializer(DataFormat.AVRO, Map.of(AWSSchemaRegistryConstants.SCHEMA_AUTO_REGISTRATION_SETTING, false))
            .serialize("customers", customer(FIRST, 7).build()));
        var write = serializer(DataFormat.AVRO, Map.of());
        byte[] old = write.serialize("customers", customer(FIRST, 7).build());
        check(old[0], (byte) 3);
        check(old[1], (byte) 0);
        check(version(old).versionNumber(), 1L);
        byte[] evolved = write.serialize("customers", customer(EVOLVED, 8).set("city", "Graz").build());
        check(version(evolved).versionNumber(), 2L);

        // One reader for both; another producer gets the same versions, and may compress.
        var read = deserializer();
        check(((GenericRecord) read.deserialize("customers", old)).get("id"), 7L);
        check(((GenericRecord) read.deserialize("customers", evolved)).get("city").toString(), "Graz");
        var compressing = serializer(DataFormat.AVRO, Map.of(AWSSchemaRegistryConstants.COMPRESSION_TYPE, "ZLIB"));
        byte[] compressed = compressing.serialize("customers", customer(FIRST, 9).build());
        check(compressed[1], (byte) 5);
        check(id(compressed), id(old));
        check(((GenericRecord) read.deserialize("customers", compressed)).get("id"), 9L);

        fails("FAILURE", () -> write.serialize("customers", customer(CLASHING, 8).set("age", 3).build()));
        check(version(old).status(), SchemaVersionStatus.AVAILABLE);
    }

    private static void jsonIsChecked() {
        String schema = "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}";
        var write = serializer(DataFormat.JSON, Map.of());
        byte[] record = write.serialize("events", JsonDataWithSchema.builder(schema, "{\"a\":1}").build());
        check(version(record).dataFormat(), DataFormat.JSON);
        check(((JsonDataWithSchema) deserializer().deserialize("events", record)).getPayload(), "{\"a\":1}");
        fails("expected type: Integer", () -> write.serialize("events", JsonDataWithSchema.builder(schema, "{\"a\":\"one\"}").build()));
    }

    private static void protobufNamesItsMessage() throws Exception {
        var write = serializer(DataFormat.PROTOBUF, Map.of());
        Descriptor first = message("id"), evolved = message("id", "size");
        byte[] old = write.serialize("orders", DynamicMessage.newBuilder(first).setField(first.findFieldByName("id"), 7L).build());
        byte[] newer = write.serialize("orders", DynamicMessage.newBuilder(evolved).setField(evolved.findFieldByName("size"), 8L).build());
        check(version(old).versionNumber() + " " + version(newer).versionNumber(), "1 2");
        var read = deserializer();
        var found = (DynamicMessage) read.deserialize("orders", old);
        check(found.getField(found.getDescriptorForType().findFieldByName("id")), 7L);
        found = (DynamicMessage) read.deserialize("orders", newer);
        check(found.getField(found.getDescriptorForType().findFieldByName("size")), 8L);
    }

    private static GenericRecordBuilder customer(String schema, long id) {
        return new GenericRecordBuilder(new Schema.Parser().parse(schema)).set("id", id);
    }

    /** The second message of its file, so that its number has to be told. */
    private static Descriptor message(String... fields) throws Exception {
        var order = DescriptorProto.newBuilder().setName("Order");
        for (String field : fields) {
            order.addField(FieldDescriptorProto.newBuilder().setName(field).setNumber(order.getFieldCount() + 1)
                .setType(FieldDescriptorProto.Type.TYPE_INT64).setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL));
        }
        var file = FileDescriptorProto.newBuilder().setName("orders.proto").setSyntax("proto3").setPackage("shop")
            .addMessageType(DescriptorProto.newBuilder().setName("Customer")).addMessageType(order).build();
        return FileDescriptor.buildFrom(file, new FileDescriptor[0]).findMessageTypeByName("Order");
    }

    private static GlueSchemaRegistryKafkaSerializer serializer(DataFormat format, Map<String, ?> more) {
        Map<String, Object> settings = settings();
        settings.put(AWSSchemaRegistryConstants.DATA_FORMAT, format.name());
        settings.put(AWSSchemaRegistryConstants.SCHEMA_AUTO_REGISTRATION_SETTING, true);
        settings.putAll(more);
        return new GlueSchemaRegistryKafkaSerializer(settings);
    }

    private static GlueSchemaRegistryKafkaDeserializer deserializer() {
        Map<String, Object> settings = settings();
        settings.put(AWSSchemaRegistryConstants.AVRO_RECORD_TYPE, AvroRecordType.GENERIC_RECORD.getName());
        settings.put(AWSSchemaRegistryConstants.PROTOBUF_MESSAGE_TYPE, ProtobufMessageType.DYNAMIC_MESSAGE.getName());
        return new GlueSchemaRegistryKafkaDeserializer(settings);
    }

    private static Map<String, Object> settings() {
        return new HashMap<>(Map.of(AWSSchemaRegistryConstants.AWS_REGION, "eu-central-1", AWSSchemaRegistryConstants.AWS_ENDPOINT, endpoint));
    }

    private static UUID id(byte[] record) {
        ByteBuffer bytes = ByteBuffer.wrap(record, 2, 16);
        return new UUID(bytes.getLong(), bytes.getLong());
    }

    private static GetSchemaVersionResponse version(byte[] record) {
        return glue.getSchemaVersion(r -> r.schemaVersionId(id(record).toString()));
    }

    private static void fails(String reason, Runnable call) {
        StringBuilder said = new StringBuilder();
        try {
            call.run();
        } catch (RuntimeException error) {
            for (Throwable each = error; each != null; each = each.getCause()) {
                said.append(each).append('\n');
            }
            check(said.toString().contains(reason) ? reason : said.toString(), reason);
            return;
        }
        throw new AssertionError("it succeeded, and should fail: " + reason);
    }

    private static void check(Object found, Object wanted) {
        if (!wanted.equals(found)) {
            throw new AssertionError(found + " instead of " + wanted);
        }
    }
}
