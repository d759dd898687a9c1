package tidemill;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/** The connector `nexmark`, with those of Tidemill's options that the tests and benchmarks use. */
public final class NexmarkTable implements DynamicTableSourceFactory {
    private static final ConfigOption<Long> EVENTS = ConfigOptions.key("events.num").longType().noDefaultValue();
    private static final ConfigOption<Long> BASE_TIME = ConfigOptions.key("base-time").longType().noDefaultValue();
    private static final ConfigOption<Long> FIRST_RATE = ConfigOptions.key("first-event.rate").longType().defaultValue(10_000L);
    private static final ConfigOption<Long> NEXT_RATE = ConfigOptions.key("next-event.rate").longType().defaultValue(10_000L);
    private static final List<String> COLUMNS = List.of("event_type", "person", "auction", "bid");

    @Override
    public String factoryIdentifier() {
        return "nexmark";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(EVENTS, BASE_TIME);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(FIRST_RATE, NEXT_RATE);
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        RowType declared = (RowType) context.getPhysicalRowDataType().getLogicalType();
        int[][] columns = declared.getFieldNames().stream().map(name -> new int[] {COLUMNS.indexOf(name)}).toArray(int[][]::new);
        List<int[]> fields = IntStream.rangeClosed(1, 3).mapToObj(kind -> {
            int at = declared.getFieldIndex(COLUMNS.get(kind));
            return at < 0 ? new int[0] : ((RowType) declared.getTypeAt(at)).getFieldNames().stream()
                    .mapToInt(NexmarkEvents.FIELDS.get(kind - 1)::indexOf).toArray();
        }).toList();
        return new Table(helper.getOptions(), columns, fields);
    }

    private static final class Table implements ScanTableSource, SupportsProjectionPushDown {
        private final ReadableConfig options;
        private int[][] columns;
        private final List<int[]> fields;

        Table(ReadableConfig options, int[][] columns, List<int[]> fields) {
            this.options = options;
            this.columns = columns;
            this.fields = fields;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            NexmarkEvents events = new NexmarkEvents(options.get(FIRST_RATE), options.get(BASE_TIME), columns, List.copyOf(fields));
            return SourceProvider.of(new NexmarkSource(events, options.get(EVENTS)));
        }

        @Override
        public boolean supportsNestedProjection() {
            return true;
        }

        @Override
        public void applyProjection(int[][] projected, DataType produced) {
            int[][] declared = columns;
            columns = Stream.of(projected).map(path -> {
                int[] column = declared[path[0]];
                return path.length == 1 ? column : new int[] {column[0], fields.get(column[0] - 1)[path[1]]};
            }).toArray(int[][]::new);
        }

        @Override
        public DynamicTableSource copy() {
            return new Table(options, columns, fields);
        }

        @Override
        public String asSummaryString() {
            return "nexmark";
        }
    }
}
