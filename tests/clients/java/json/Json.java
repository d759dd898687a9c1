import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.everit.json.schema.Schema;
import org.everit.json.schema.ValidationException;
import org.everit.json.schema.loader.SchemaLoader;
import org.json.JSONObject;
import org.json.JSONTokener;

/** Reads lines of a schema and values with tabs between them; answers a digit for each value: whether the schema accepts it. */
public class Json {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split("\t");
            out.println(verdicts(parts));
        }
        out.flush();
    }

    private static String verdicts(String[] parts) {
        Schema schema;
        try {
            // As Confluent's deserializer sets it up.
            schema = SchemaLoader.builder().useDefaults(true).draftV7Support().schemaJson(new JSONObject(parts[0])).build().load().build();
        } catch (RuntimeException error) {
            return "no schema: " + String.valueOf(error.getMessage()).replace('\n', ' ');
        }
        StringBuilder verdicts = new StringBuilder();
        for (int nth = 1; nth < parts.length; nth++) {
            try {
                schema.validate(new JSONTokener(parts[nth]).nextValue());
                verdicts.append('1');
            } catch (ValidationException error) {
                verdicts.append('0');
            }
        }
        return verdicts.toString();
    }
}
