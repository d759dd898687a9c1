import com.amazonaws.services.schemaregistry.utils.AWSSchemaRegistryConstants;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.glue.GlueClient;
import software.amazon.awssdk.services.glue.model.AlreadyExistsException;
import software.amazon.awssdk.services.glue.model.Compatibility;

/** What the producers send, and how they reach the registry, which is made first. */
final class Customers {
    static final String REGION = "us-east-2";
    static final String SCHEMA_NAME = "customer";
    private static final String[][] NAMES = {
        {"Ada", "Lovelace"}, {"Sue", "Black"}, {"Anita", "Borg"}, {"Grace", "Hopper"}, {"Neha", "Narkhede"},
    };

    private Customers() {}

    /** Five customers, with those of the fields that their schema has. */
    static List<GenericRecord> of(String schemaFile) throws IOException {
        Schema schema = new Schema.Parser().parse(new File(schemaFile));
        return Stream.of(NAMES).map(name -> {
            GenericRecord customer = new GenericData.Record(schema);
            customer.put("first_name", name[0]);
            customer.put("last_name", name[1]);
            if (schema.getField("full_name") != null) {
                customer.put("full_name", name[0] + " " + name[1]);
            }
            if (schema.getField("age") != null) {
                customer.put("age", 36);
            }
            return customer;
        }).toList();
    }

    static Map<String, Object> registry(String endpoint, String registryName) {
        // Where a server has no access key, any is good.
        System.setProperty("aws.accessKeyId", "any");
        System.setProperty("aws.secretAccessKey", "any");
        System.setProperty("software.amazon.awssdk.http.service.impl", "software.amazon.awssdk.http.urlconnection.UrlConnectionSdkHttpService");
        try (var glue = GlueClient.builder().endpointOverride(URI.create(endpoint)).region(Region.of(REGION)).build()) {
            glue.createRegistry(r -> r.registryName(registryName));
        } catch (AlreadyExistsException there) {
            // Another program has made it.
        }
        var settings = new HashMap<String, Object>();
        settings.put(AWSSchemaRegistryConstants.AWS_REGION, REGION);
        settings.put(AWSSchemaRegistryConstants.AWS_ENDPOINT, endpoint);
        settings.put(AWSSchemaRegistryConstants.REGISTRY_NAME, registryName);
        settings.put(AWSSchemaRegistryConstants.SCHEMA_NAME, SCHEMA_NAME);
        settings.put(AWSSchemaRegistryConstants.COMPATIBILITY_SETTING, Compatibility.FULL);
        settings.put(AWSSchemaRegistryConstants.SCHEMA_AUTO_REGISTRATION_SETTING, true);
        return settings;
    }

    /** The last reason of an error, which the registry gave. */
    static String reason(Throwable error) {
        while (error.getCause() != null) {
            error = error.getCause();
        }
        return error.getMessage();
    }
}
