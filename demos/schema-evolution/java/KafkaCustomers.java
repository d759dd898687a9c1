import com.amazonaws.services.schemaregistry.serializers.avro.AWSKafkaAvroSerializer;
import java.util.Properties;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.SerializationException;

/** Sends customers to a topic: KafkaCustomers REGISTRY BROKER TOPIC SCHEMA.avsc */
public final class KafkaCustomers {
    public static void main(String[] arguments) throws Exception {
        String topic = arguments[2];
        Properties properties = new Properties();
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[1]);
        properties.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, AWSKafkaAvroSerializer.class.getName());
        properties.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, AWSKafkaAvroSerializer.class.getName());
        properties.putAll(Customers.registry(arguments[0], "kafka"));
        try (var producer = new KafkaProducer<String, GenericRecord>(properties)) {
            var customers = Customers.of(arguments[3]);
            for (GenericRecord customer : customers) {
                producer.send(new ProducerRecord<>(topic, customer));
                System.out.println("Sent message");
            }
            producer.flush();
            System.out.println("Successfully produced " + customers.size() + " messages to a topic called " + topic);
        } catch (SerializationException | com.amazonaws.services.schemaregistry.exception.AWSSchemaRegistryException error) {
            System.out.println("Refused: " + Customers.reason(error));
            System.exit(1);
        }
    }
}
