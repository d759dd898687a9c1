package tidemill;

import java.io.IOException;
import java.io.Writer;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.FileUtils;

/**
 * Runs scripts of SQL on a Flink inside of this process.
 *
 * <pre>
 * judge FOLDER             runs script.sql of every folder in FOLDER; leaves its rows in rows.jsonl, or why there are none in error.txt
 * time FILE.sql [FILE.sql]   runs the scripts' INSERTs one script after the other, and prints how long the jobs of the last one ran;
 *                          those before warm Java up
 * </pre>
 */
public final class Flink {
    private static final long JOB_MAX_S = 600;
    private static final long PROCESS_MAX_S = 1_800;
    private static final Pattern END_OF_STATEMENT = Pattern.compile(";[ \t]*(?=\n|$)");
    private static final Pattern COMMENT = Pattern.compile("(?m)^--.*$");
    private static final Pattern SET = Pattern.compile("(?is)\\s*SET\\s+'([^']*)'\\s*=\\s*'([^']*)'\\s*");
    private static final Pattern LOOKED_UP = Pattern.compile("(?is)\\bJOIN\\s+(\\w+)\\s+FOR\\s+SYSTEM_TIME\\s+AS\\s+OF");
    private static final Pattern QUERY = Pattern.compile("(?is)\\s*(SELECT|WITH|VALUES|TABLE|\\().*");

    public static void main(String[] args) throws Exception {
        Thread watch = new Thread(() -> {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(PROCESS_MAX_S));
            System.err.println("ended after " + PROCESS_MAX_S + " seconds");
            Runtime.getRuntime().halt(3);
        });
        watch.setDaemon(true);
        watch.start();
        switch (args[0]) {
            case "judge" -> judge(Path.of(args[1]));
            case "time" -> {
                Path checkpoints = Files.createTempDirectory("flink-checkpoints");
                long milliseconds = 0;
                for (String file : List.of(args).subList(1, args.length)) {
                    milliseconds = time(Files.readString(Path.of(file)), checkpoints);
                }
                FileUtils.deleteDirectory(checkpoints.toFile());
                System.out.println("{\"milliseconds\":" + milliseconds + "}");
            }
            default -> throw new IllegalArgumentException(args[0]);
        }
        // Threads of the cluster may outlive their jobs.
        System.exit(0);
    }

    private static StreamTableEnvironment environment(Map<String, String> more) {
        Map<String, String> settings = new TreeMap<>(Map.of(
                "execution.runtime-mode", "STREAMING",
                "table.local-time-zone", "UTC",
                "restart-strategy.type", "disable",
                "rest.bind-address", "127.0.0.1",
                "taskmanager.bind-host", "127.0.0.1"));
        settings.putAll(more);
        Configuration configuration = Configuration.fromMap(settings);
        return StreamTableEnvironment.create(StreamExecutionEnvironment.getExecutionEnvironment(configuration));
    }

    /** The script's statements; what `SET` says is done. */
    private static List<String> statements(TableEnvironment environment, String script) {
        String text = COMMENT.matcher(script).replaceAll("");
        Matcher lookedUp = LOOKED_UP.matcher(text);
        while (lookedUp.find()) {
            // A file whose rows have no times of their own: Flink's files can't be looked up.
            Pattern file = Pattern.compile("(?i)(CREATE TABLE " + lookedUp.group(1) + " \\([^;]*?)'connector' = 'filesystem'");
            Matcher declared = file.matcher(text);
            if (declared.find() && !declared.group(1).toUpperCase().contains("WATERMARK")) {
                text = declared.replaceFirst("$1'connector' = '" + FileLookup.NAME + "'");
                lookedUp = LOOKED_UP.matcher(text);
                lookedUp.region(0, text.length());
            }
        }
        return END_OF_STATEMENT.splitAsStream(text).filter(one -> !one.isBlank()).filter(one -> {
            Matcher set = SET.matcher(one);
            if (set.matches()) {
                environment.getConfig().set(set.group(1), set.group(2));
            }
            return !set.matches();
        }).toList();
    }

    private static void judge(Path folder) throws IOException {
        try (Stream<Path> cases = Files.list(folder)) {
            cases.sorted().parallel().forEach(Flink::judgeOne);
        }
    }

    private static void judgeOne(Path folder) {
        try {
            try (Writer rows = Files.newBufferedWriter(folder.resolve("rows.jsonl"))) {
                // Small files are read as a whole before the watermark moves, so that no row is late by chance.
                StreamTableEnvironment environment =
                        environment(Map.of("parallelism.default", "1", "pipeline.auto-watermark-interval", "1 h"));
                for (String statement : statements(environment, Files.readString(folder.resolve("script.sql")))) {
                    if (QUERY.matcher(statement).matches()) {
                        write(environment, statement, rows);
                    } else {
                        environment.executeSql(statement).await(JOB_MAX_S, TimeUnit.SECONDS);
                    }
                }
            } catch (Exception error) {
                Throwable cause = error;
                StringBuilder text = new StringBuilder();
                for (; cause != null; cause = cause.getCause()) {
                    text.append(cause.toString().lines().findFirst().orElse("")).append('\n');
                }
                Files.writeString(folder.resolve("error.txt"), text);
            }
        } catch (IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }

    /** A change a line: {"op":"+I","row":["1",null]}. */
    private static void write(StreamTableEnvironment environment, String query, Writer out) throws Exception {
        // A query's own result leaves out the rows that are taken back where a key tells them.
        DataStream<Row> changes = environment.toChangelogStream(
                environment.sqlQuery(query), Schema.newBuilder().build(), ChangelogMode.all());
        try (CloseableIterator<Row> rows = changes.executeAndCollect()) {
            while (rows.hasNext()) {
                Row row = rows.next();
                StringBuilder line = new StringBuilder("{\"op\":\"" + row.getKind().shortString() + "\",\"row\":[");
                for (int n = 0; n < row.getArity(); n++) {
                    Object value = row.getField(n);
                    line.append(n == 0 ? "" : ",").append(value == null ? "null" : quoted(text(value)));
                }
                out.append(line).append("]}\n");
            }
        }
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.chars().forEach(c -> out.append(
                c == '"' || c == '\\' ? "\\" + (char) c : c < ' ' ? String.format("\\u%04x", c) : String.valueOf((char) c)));
        return out.append('"').toString();
    }

    private static final DateTimeFormatter TO_THE_SECOND = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");
    private static final DateTimeFormatter TO_THE_MILLISECOND =
            new DateTimeFormatterBuilder().append(TO_THE_SECOND).appendPattern(".SSS").toFormatter();

    /** A value as Tidemill's tests show it. */
    private static String text(Object value) {
        if (value instanceof LocalDateTime time) {
            return time.format(time.getNano() == 0 ? TO_THE_SECOND : TO_THE_MILLISECOND);
        }
        if (value instanceof Double number && !number.isInfinite() && !number.isNaN()) {
            String plain = new BigDecimal(number.toString()).toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        if (value instanceof BigDecimal number) {
            return number.toPlainString();
        }
        if (value instanceof Object[] values) {
            return Stream.of(values).map(each -> each == null ? "NULL" : text(each)).toList().toString();
        }
        return value.toString();
    }

    /** How many milliseconds the jobs of the script's INSERTs ran, by their own account: the start of the cluster does not count. */
    private static long time(String script, Path checkpoints) throws Exception {
        // State is in the heap, Flink's default and the fastest it has; rows are handed on without copies.
        TableEnvironment environment = environment(Map.of(
                "pipeline.object-reuse", "true",
                "execution.checkpointing.storage", "filesystem",
                "execution.checkpointing.dir", checkpoints.toUri().toString()));
        long milliseconds = 0;
        for (String statement : statements(environment, script)) {
            TableResult result = environment.executeSql(statement);
            if (result.getJobClient().isPresent()) {
                milliseconds += result.getJobClient().get().getJobExecutionResult()
                        .get(JOB_MAX_S, TimeUnit.SECONDS).getNetRuntime(TimeUnit.MILLISECONDS);
            }
        }
        return milliseconds;
    }
}
