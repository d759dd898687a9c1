import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/** Reads lines of a reader's and a writer's schema with a tab between them; tells of each pair what keeps it apart. */
public class Avro {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] schemas = line.split("\t");
            out.println(verdict(schemas[0], schemas[1]));
        }
        out.flush();
    }

    private static String verdict(String reader, String writer) {
        Schema read;
        Schema written;
        try {
            read = new Schema.Parser().parse(reader);
        } catch (RuntimeException error) {
            return "reader is none: " + text(error);
        }
        try {
            written = new Schema.Parser().parse(writer);
        } catch (RuntimeException error) {
            return "writer is none: " + text(error);
        }
        try {
            return SchemaCompatibility.checkReaderWriterCompatibility(read, written).getResult().getIncompatibilities().stream()
                .map(found -> found.getType() + " " + (found.getLocation().equals("/") ? "" : found.getLocation()))
                .collect(Collectors.joining("; "));
        } catch (RuntimeException error) {
            return "no verdict: " + text(error);
        }
    }

    private static String text(RuntimeException error) {
        return String.valueOf(error.getMessage()).replace('\n', ' ');
    }
}
