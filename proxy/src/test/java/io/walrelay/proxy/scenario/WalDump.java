package io.walrelay.proxy.scenario;

import io.walrelay.proxy.testkit.Programs;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.PageImage;
import java.io.BufferedReader;
import java.io.StringReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What pg_waldump says of a log, to compare with. */
final class WalDump {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern RECORD = Pattern.compile(
            "rmgr: (\\S+)\\s+len \\(rec/tot\\):\\s+(\\d+)/\\s*(\\d+), tx:\\s+(\\d+), lsn: (\\S+), prev (\\S+), desc: (\\S+) ?(.*)");
    private static final String[] FORKS = {"main", "fsm", "vm", "init"};

    private WalDump() {}

    /**
     * A record.
     *
     * @param withoutImages its length without the images of pages
     * @param kind the first word of the description, INSERT or the like
     * @param blocks a line each
     */
    record Dumped(String resourceManager, int withoutImages, int length, long xid, Lsn at, Lsn prev, String kind, String description, List<String> blocks) {}

    /** All records from {@code start}, where one begins, up to {@code end}, where one ends. */
    static List<Dumped> of(Programs programs, Path directory, Lsn start, Lsn end) {
        String output = programs.run(LIMIT, "pg_waldump", "--bkp-details", "--path=" + directory, "--start=" + start, "--end=" + end).orFail();
        List<Dumped> records = new ArrayList<>();
        read(new BufferedReader(new StringReader(output)), records::add);
        return records;
    }

    /** Shows each record of what pg_waldump with --bkp-details prints. */
    static void read(BufferedReader output, Consumer<Dumped> each) {
        Optional<Dumped> last = Optional.empty();
        for (Iterator<String> lines = output.lines().iterator(); lines.hasNext(); ) {
            String line = lines.next();
            Matcher record = RECORD.matcher(line);
            if (record.matches()) {
                last.ifPresent(each);
                last = Optional.of(new Dumped(
                        record.group(1),
                        Integer.parseInt(record.group(2)),
                        Integer.parseInt(record.group(3)),
                        Long.parseLong(record.group(4)),
                        Lsn.parse(record.group(5)),
                        Lsn.parse(record.group(6)),
                        record.group(7),
                        record.group(8),
                        new ArrayList<>()));
            } else if (line.contains("blkref #")) {
                last.orElseThrow().blocks().add(line.strip());
            }
        }
        last.ifPresent(each);
    }

    /** A block as pg_waldump writes it (xlogreader.c, XLogRecGetBlockRefInfo). */
    static String line(BlockReference block) {
        return "blkref #%d: rel %s fork %s blk %s%s".formatted(
                block.id(), block.relation(), FORKS[block.fork()], Integer.toUnsignedString(block.block()), block.image().map(WalDump::line).orElse(""));
    }

    private static String line(PageImage image) {
        String compressed = image.compression() == PageImage.Compression.NONE
                ? ""
                : ", compression saved: %d, method: %s"
                        .formatted(PageHeader.PAGE_SIZE - image.holeLength() - image.length(), image.compression().name().toLowerCase(Locale.ROOT));
        return " (FPW%s); hole: offset: %d, length: %d%s"
                .formatted(image.applied() ? "" : " for WAL verification", image.holeOffset(), image.holeLength(), compressed);
    }
}
