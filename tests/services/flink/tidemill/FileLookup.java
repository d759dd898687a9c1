package tidemill;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/** The connector `file-lookup`: a file of CSV without quotes that is read into memory, to be looked up. Flink's own files can't be. */
public final class FileLookup implements DynamicTableSourceFactory {
    static final String NAME = "file-lookup";
    private static final ConfigOption<String> PATH = ConfigOptions.key("path").stringType().noDefaultValue();
    private static final ConfigOption<String> FORMAT = ConfigOptions.key("format").stringType().defaultValue("csv");

    @Override
    public String factoryIdentifier() {
        return NAME;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(PATH);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(FORMAT);
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        return new Table(helper.getOptions().get(PATH), (RowType) context.getPhysicalRowDataType().getLogicalType());
    }

    private record Table(String path, RowType columns) implements LookupTableSource {
        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext context) {
            int[] keys = new int[context.getKeys().length];
            for (int n = 0; n < keys.length; n++) {
                keys[n] = context.getKeys()[n][0];
            }
            return LookupFunctionProvider.of(new Rows(path, columns, keys));
        }

        @Override
        public DynamicTableSource copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return NAME;
        }
    }

    /** The file's rows by their keys. */
    public static final class Rows extends LookupFunction {
        private final String path;
        private final RowType columns;
        private final int[] keys;
        private transient Map<List<Object>, List<RowData>> rows;

        Rows(String path, RowType columns, int[] keys) {
            this.path = path;
            this.columns = columns;
            this.keys = keys;
        }

        @Override
        public void open(FunctionContext context) throws IOException {
            rows = new HashMap<>();
            for (String line : Files.readAllLines(Path.of(path))) {
                String[] fields = line.split(",", -1);
                GenericRowData row = new GenericRowData(columns.getFieldCount());
                for (int n = 0; n < columns.getFieldCount(); n++) {
                    row.setField(n, value(fields[n], columns.getTypeAt(n)));
                }
                List<Object> key = new ArrayList<>();
                for (int column : keys) {
                    key.add(row.getField(column));
                }
                rows.computeIfAbsent(key, none -> new ArrayList<>()).add(row);
            }
        }

        @Override
        public Collection<RowData> lookup(RowData asked) {
            List<Object> key = new ArrayList<>();
            for (int n = 0; n < keys.length; n++) {
                key.add(RowData.createFieldGetter(columns.getTypeAt(keys[n]), n).getFieldOrNull(asked));
            }
            return rows.getOrDefault(key, List.of());
        }

        private static Object value(String text, LogicalType type) {
            return switch (type.getTypeRoot()) {
                case BIGINT -> Long.valueOf(text);
                case INTEGER -> Integer.valueOf(text);
                case DOUBLE -> new BigDecimal(text).doubleValue();
                default -> StringData.fromString(text);
            };
        }
    }
}
