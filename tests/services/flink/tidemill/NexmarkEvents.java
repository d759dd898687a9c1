package tidemill;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/**
 * The events of crates/connectors/src/nexmark, number by number the same: what is said there holds here. Texts are cut out of pools of
 * bytes without copying, and only the columns that are read are made.
 */
final class NexmarkEvents implements Serializable {
    private static final int PEOPLE = 1;
    private static final int AUCTIONS = 3;
    static final int ROUND = 50;
    private static final long FIRST_ID = 1_000;
    private static final long HOT_EVERY = 100;
    private static final long ACTIVE_PEOPLE = 1_000;
    private static final long AUCTIONS_IN_FLIGHT = 100;
    private static final long ID_LEAD = 10;

    private static final byte[][] FIRST_NAMES =
            bytes("Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter");
    private static final byte[][] LAST_NAMES =
            bytes("Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris");
    private static final byte[][] STATES = bytes("AZ", "CA", "ID", "OR", "WA", "WY");
    private static final byte[][] CITIES = bytes(
            "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne");
    private static final String[] HOT_CHANNELS = {"Google", "Facebook", "Baidu", "Apple"};
    private static final int CHANNELS = 10_000;

    private static final int POOL_BYTES = 1 << 16;
    private static final int PIECE_BYTES = 1 << 10;
    private static final byte[] WORDS = letters(1, true);
    private static final byte[] LETTERS = letters(2, false);
    private static final StringData[] CHANNEL_NAMES = new StringData[HOT_CHANNELS.length + CHANNELS];
    private static final StringData[] CHANNEL_URLS = new StringData[HOT_CHANNELS.length + CHANNELS];

    static {
        for (int n = 0; n < HOT_CHANNELS.length; n++) {
            CHANNEL_NAMES[n] = StringData.fromString(HOT_CHANNELS[n]);
            CHANNEL_URLS[n] = StringData.fromString(url(CHANNELS + n));
        }
        for (int channel = 0; channel < CHANNELS; channel++) {
            String id = below(mix(channel, 4), 10) == 0 ? "" : "&channel_id=" + (Integer.reverse(channel) & 0x7FFF_FFFF);
            CHANNEL_NAMES[HOT_CHANNELS.length + channel] = StringData.fromString("channel-" + channel);
            CHANNEL_URLS[HOT_CHANNELS.length + channel] = StringData.fromString(url(channel) + id);
        }
    }

    private final long rate;
    private final long baseMs;
    /** The columns that are read: 0 is event_type, then come person, auction and bid; or behind it the field of such a row. */
    private final int[][] columns;
    /** Of person, auction and bid, which fields are declared. */
    private final List<int[]> fields;

    NexmarkEvents(long rate, long baseMs, int[][] columns, List<int[]> fields) {
        this.rate = rate;
        this.baseMs = baseMs;
        this.columns = columns;
        this.fields = fields;
    }

    /** Event `number`. */
    GenericRowData event(long number) {
        long round = number / ROUND;
        int offset = (int) (number % ROUND);
        int kind = offset < PEOPLE ? 0 : offset < PEOPLE + AUCTIONS ? 1 : 2;
        long person = round * PEOPLE + Math.min(offset, PEOPLE - 1);
        long auction = round * AUCTIONS + Math.min(Math.max(offset - PEOPLE, 0), AUCTIONS - 1);
        GenericRowData row = new GenericRowData(columns.length);
        for (int n = 0; n < columns.length; n++) {
            int[] column = columns[n];
            if (column[0] == 0) {
                row.setField(n, kind);
            } else if (column[0] == kind + 1) {
                row.setField(n, column.length == 1
                        ? fieldsOf(kind, number, person, auction)
                        : field(kind, column[1], number, person, auction));
            }
        }
        return row;
    }

    private GenericRowData fieldsOf(int kind, long number, long person, long auction) {
        int[] declared = fields.get(kind);
        GenericRowData row = new GenericRowData(declared.length);
        for (int n = 0; n < declared.length; n++) {
            row.setField(n, field(kind, declared[n], number, person, auction));
        }
        return row;
    }

    private Object field(int kind, int field, long number, long person, long auction) {
        return switch (kind) {
            case 0 -> person(field, number, person);
            case 1 -> auction(field, number, person, auction);
            default -> bid(field, number, person, auction);
        };
    }

    static final List<List<String>> FIELDS = List.of(
            List.of("id", "name", "emailAddress", "creditCard", "city", "state", "dateTime", "extra"),
            List.of("id", "itemName", "description", "initialBid", "reserve", "dateTime", "expires", "seller", "category", "extra"),
            List.of("auction", "bidder", "price", "channel", "url", "dateTime", "extra"));

    private Object person(int field, long number, long person) {
        byte[] first = oneOf(FIRST_NAMES, word(20, number));
        byte[] last = oneOf(LAST_NAMES, mix(word(20, number), 1));
        byte[] city = oneOf(CITIES, word(23, number));
        return switch (field) {
            case 0 -> FIRST_ID + person;
            case 1 -> joined(first, 0, first.length, ' ', last, 0, last.length, "");
            case 2 -> {
                long user = words(word(21, number), 7);
                long host = words(mix(word(21, number), 1), 5);
                yield joined(WORDS, at(user), length(user), '@', WORDS, at(host), length(host), ".com");
            }
            case 3 -> card(word(22, number));
            case 4 -> StringData.fromBytes(city);
            case 5 -> StringData.fromBytes(oneOf(STATES, word(24, number)));
            case 6 -> time(number);
            default -> {
                int email = length(words(word(21, number), 7)) + 1 + length(words(mix(word(21, number), 1), 5)) + 4;
                int soFar = 8 + first.length + 1 + last.length + email + 19 + city.length + 2;
                yield extra(word(25, number), soFar, 200);
            }
        };
    }

    private Object auction(int field, long number, long person, long auction) {
        return switch (field) {
            case 0 -> FIRST_ID + auction;
            case 1 -> text(words(word(30, number), 20));
            case 2 -> text(words(word(31, number), 100));
            case 3 -> price(32, number);
            case 4 -> price(32, number) + price(33, number);
            case 5 -> time(number);
            case 6 -> {
                long events = AUCTIONS_IN_FLIGHT * ROUND / AUCTIONS;
                long horizon = afterMs(number + events) - afterMs(number);
                long length = 1 + below(word(7, number), Math.max(horizon * 2, 1));
                yield TimestampData.fromEpochMillis(baseMs + afterMs(number) + length);
            }
            case 7 -> FIRST_ID
                    + (below(word(1, number), 4) == 0 ? anyone(person, word(2, number)) : person / HOT_EVERY * HOT_EVERY);
            case 8 -> 10 + below(word(34, number), 5);
            default -> {
                int soFar = 8 + length(words(word(30, number), 20)) + length(words(word(31, number), 100)) + 5 * 8;
                yield extra(word(35, number), soFar, 500);
            }
        };
    }

    private Object bid(int field, long number, long person, long auction) {
        return switch (field) {
            case 0 -> {
                long oldest = Math.max(auction - AUCTIONS_IN_FLIGHT, 0);
                yield FIRST_ID + (below(word(5, number), 2) == 0
                        ? oldest + below(word(6, number), auction - oldest + 1 + ID_LEAD)
                        : auction / HOT_EVERY * HOT_EVERY);
            }
            case 1 -> FIRST_ID
                    + (below(word(3, number), 4) == 0 ? anyone(person, word(4, number)) : person / HOT_EVERY * HOT_EVERY + 1);
            case 2 -> price(40, number);
            case 3 -> CHANNEL_NAMES[channel(number)];
            case 4 -> CHANNEL_URLS[channel(number)];
            case 5 -> time(number);
            default -> extra(word(43, number), 4 * 8, 100);
        };
    }

    private static int channel(long number) {
        long which = word(42, number);
        return (int) ((word(41, number) & 1) == 1
                ? below(which, HOT_CHANNELS.length)
                : HOT_CHANNELS.length + below(which, CHANNELS));
    }

    private long afterMs(long number) {
        return number * 1_000 / rate;
    }

    private TimestampData time(long number) {
        return TimestampData.fromEpochMillis(baseMs + afterMs(number));
    }

    private static long anyone(long lastPerson, long word) {
        long people = lastPerson + 1;
        long active = Math.min(people, ACTIVE_PEOPLE);
        return people - active + below(word, active + ID_LEAD);
    }

    private static long price(long salt, long number) {
        double unit = (word(salt, number) >>> 11) * 0x1.0p-53;
        return Math.round(Math.exp(unit * 6.0 * Math.log(10)) * 100.0);
    }

    /** An independent random word of an event. */
    private static long word(long salt, long number) {
        return mix(salt * 0xA076_1D64_78BD_642FL, number);
    }

    /** Steele, Lea and Flood's SplitMix64. */
    private static long mix(long seed, long number) {
        long z = seed + number * 0x9E37_79B9_7F4A_7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
        return z ^ (z >>> 31);
    }

    /** The upper half of the unsigned product. */
    private static long below(long word, long bound) {
        return Math.multiplyHigh(word, bound) + ((word >> 63) & bound);
    }

    private static byte[] letters(long seed, boolean blanks) {
        byte[] letters = new byte[POOL_BYTES + PIECE_BYTES];
        for (int place = 0; place < letters.length; place++) {
            boolean blank = below(mix(seed, place * 2L), 13) == 0 && blanks;
            letters[place] = blank ? (byte) ' ' : (byte) ('a' + below(mix(seed, place * 2L + 1), 26));
        }
        return letters;
    }

    /** Where words of 3 to less than `most` letters lie in their pool: the place, and the length in the lower half. */
    private static long words(long word, int most) {
        int at = (int) (word & (POOL_BYTES - 1));
        int end = at + 3 + (int) below(Long.rotateLeft(word, 32), most - 3);
        while (at < end && WORDS[at] == ' ') {
            at++;
        }
        while (at < end && WORDS[end - 1] == ' ') {
            end--;
        }
        return (long) at << 32 | (end - at);
    }

    private static int at(long words) {
        return (int) (words >>> 32);
    }

    private static int length(long words) {
        return (int) words;
    }

    private static StringData text(long words) {
        return StringData.fromBytes(WORDS, at(words), length(words));
    }

    private static StringData extra(long word, int soFar, long average) {
        long missing = average - soFar;
        if (missing < 0) {
            return StringData.fromBytes(new byte[0]);
        }
        long delta = (missing + 2) / 5;
        int length = (int) (missing - delta + below(Long.rotateLeft(word, 32), Math.max(2 * delta, 1)));
        // No event is as long as a piece.
        return StringData.fromBytes(LETTERS, (int) (word & (POOL_BYTES - 1)), length);
    }

    private static StringData card(long word) {
        byte[] card = new byte[19];
        for (int n = 0; n < card.length; n++) {
            if (n % 5 == 4) {
                card[n] = ' ';
            } else {
                card[n] = (byte) ('0' + Long.remainderUnsigned(word, 10));
                word = Long.divideUnsigned(word, 10);
            }
        }
        return StringData.fromBytes(card);
    }

    private static StringData joined(byte[] a, int aAt, int aLength, char between, byte[] b, int bAt, int bLength, String end) {
        byte[] all = new byte[aLength + 1 + bLength + end.length()];
        System.arraycopy(a, aAt, all, 0, aLength);
        all[aLength] = (byte) between;
        System.arraycopy(b, bAt, all, aLength + 1, bLength);
        System.arraycopy(end.getBytes(StandardCharsets.US_ASCII), 0, all, aLength + 1 + bLength, end.length());
        return StringData.fromBytes(all);
    }

    private static String url(long channel) {
        StringBuilder url = new StringBuilder("https://www.nexmark.com");
        for (int part = 1; part <= 3; part++) {
            url.append('/').append(text(words(mix(channel, part), 5)).toString().replace(' ', '_'));
        }
        return url.append("/item.htm?query=1").toString();
    }

    private static byte[] oneOf(byte[][] texts, long word) {
        return texts[(int) below(word, texts.length)];
    }

    private static byte[][] bytes(String... texts) {
        byte[][] all = new byte[texts.length][];
        for (int n = 0; n < texts.length; n++) {
            all[n] = texts[n].getBytes(StandardCharsets.US_ASCII);
        }
        return all;
    }
}
