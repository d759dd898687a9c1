package tidemill;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;

/** Numbered events, dealt to the readers in blocks, as Tidemill's generators deal them to its workers: times advance alike everywhere. */
final class NexmarkSource implements Source<RowData, NexmarkSource.Share, List<NexmarkSource.Share>> {
    private static final long BLOCK = 40L * NexmarkEvents.ROUND;

    private final NexmarkEvents events;
    private final long count;

    NexmarkSource(NexmarkEvents events, long count) {
        this.events = events;
        this.count = count;
    }

    /** The blocks of one reader of several, from an event on. */
    record Share(int reader, int readers, long next) implements SourceSplit {
        @Override
        public String splitId() {
            return String.valueOf(reader);
        }
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<RowData, Share> createReader(SourceReaderContext context) {
        return new Reader();
    }

    @Override
    public SplitEnumerator<Share, List<Share>> createEnumerator(SplitEnumeratorContext<Share> context) {
        List<Share> shares = new ArrayList<>();
        for (int reader = 0; reader < context.currentParallelism(); reader++) {
            shares.add(new Share(reader, context.currentParallelism(), reader * BLOCK));
        }
        return new Enumerator(context, shares);
    }

    @Override
    public SplitEnumerator<Share, List<Share>> restoreEnumerator(SplitEnumeratorContext<Share> context, List<Share> shares) {
        return new Enumerator(context, shares);
    }

    @Override
    public SimpleVersionedSerializer<Share> getSplitSerializer() {
        return new Shares.One();
    }

    @Override
    public SimpleVersionedSerializer<List<Share>> getEnumeratorCheckpointSerializer() {
        return new Shares();
    }

    private final class Reader implements SourceReader<RowData, Share> {
        private final ArrayDeque<Share> shares = new ArrayDeque<>();
        private final CompletableFuture<Void> available = new CompletableFuture<>();
        private boolean complete;
        private Share share;
        private long next;

        @Override
        public void start() {}

        @Override
        public InputStatus pollNext(ReaderOutput<RowData> output) {
            if (share == null) {
                share = shares.poll();
                if (share == null) {
                    return complete ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
                }
                next = share.next();
            }
            if (next >= count) {
                share = null;
                return InputStatus.MORE_AVAILABLE;
            }
            output.collect(events.event(next));
            next++;
            if (next % BLOCK == 0) {
                next += (share.readers() - 1) * BLOCK;
            }
            return InputStatus.MORE_AVAILABLE;
        }

        @Override
        public List<Share> snapshotState(long checkpoint) {
            List<Share> left = new ArrayList<>(shares);
            if (share != null) {
                left.add(new Share(share.reader(), share.readers(), next));
            }
            return left;
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return available;
        }

        @Override
        public void addSplits(List<Share> more) {
            shares.addAll(more);
        }

        @Override
        public void notifyNoMoreSplits() {
            complete = true;
            available.complete(null);
        }

        @Override
        public void close() {}
    }

    private static final class Enumerator implements SplitEnumerator<Share, List<Share>> {
        private final SplitEnumeratorContext<Share> context;
        private final List<Share> shares;

        Enumerator(SplitEnumeratorContext<Share> context, List<Share> shares) {
            this.context = context;
            this.shares = new ArrayList<>(shares);
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int reader, String host) {}

        @Override
        public void addSplitsBack(List<Share> back, int reader) {
            shares.addAll(back);
        }

        @Override
        public void addReader(int reader) {
            shares.stream().filter(share -> share.reader() == reader).forEach(share -> context.assignSplit(share, reader));
            shares.removeIf(share -> share.reader() == reader);
            context.signalNoMoreSplits(reader);
        }

        @Override
        public List<Share> snapshotState(long checkpoint) {
            return List.copyOf(shares);
        }

        @Override
        public void close() {}
    }

    /** Shares as bytes. */
    private static final class Shares implements SimpleVersionedSerializer<List<Share>> {
        private static final int BYTES = 16;

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<Share> shares) {
            ByteBuffer bytes = ByteBuffer.allocate(shares.size() * BYTES);
            shares.forEach(share -> bytes.putInt(share.reader()).putInt(share.readers()).putLong(share.next()));
            return bytes.array();
        }

        @Override
        public List<Share> deserialize(int version, byte[] serialized) {
            ByteBuffer bytes = ByteBuffer.wrap(serialized);
            List<Share> shares = new ArrayList<>();
            while (bytes.hasRemaining()) {
                shares.add(new Share(bytes.getInt(), bytes.getInt(), bytes.getLong()));
            }
            return shares;
        }

        private static final class One implements SimpleVersionedSerializer<Share> {
            private final Shares shares = new Shares();

            @Override
            public int getVersion() {
                return shares.getVersion();
            }

            @Override
            public byte[] serialize(Share share) {
                return shares.serialize(List.of(share));
            }

            @Override
            public Share deserialize(int version, byte[] serialized) throws IOException {
                return shares.deserialize(version, serialized).get(0);
            }
        }
    }
}
