package io.walrelay.proxy.cli;

import io.walrelay.rewind.datadir.SegmentChecksum;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The relay of a rehearsal: has the WAL of two data directories, knows that the last segment of the one changes a few blocks, and makes every slot. Its answers are
 * those of a relay's HTTP port (ChangesPaths, SlotPaths, WalBody), as far as a rewind asks. Thread-safe.
 */
final class RehearsalRelay implements RehearsalStage.Role {

    private static final Pattern WAL = Pattern.compile("GET /wal/([0-9A-Za-z.]+)\\?.*");
    private static final Pattern SEGMENTS = Pattern.compile("GET /api/v1/segments\\?.*&from=([^&]+)&to=([^& ]+) .*");
    private static final Pattern CHANGES = Pattern.compile("GET /api/v1/changes\\?.*&from=[^& ]+(?:&to=([^& ]+))? .*");
    private static final Pattern RANGE = Pattern.compile("(?i)range: bytes=(\\d+)-(\\d+)");
    private static final Pattern LENGTH = Pattern.compile("(?i)content-length: (\\d+)");

    private final List<Path> wal;
    private final Path segment;
    private final SegmentSize size;
    private final Lsn checkpoint;
    private final Lsn end;

    /**
     * @param segment of {@code old}, which the index knows
     * @param checkpoint the last in it
     * @param end of what {@code now} has written
     */
    RehearsalRelay(Path old, Path now, Path segment, SegmentSize size, Lsn checkpoint, Lsn end) {
        this.wal = List.of(now.resolve("pg_wal"), old.resolve("pg_wal"));
        this.segment = segment;
        this.size = size;
        this.checkpoint = checkpoint;
        this.end = end;
    }

    private record Request(String line, int first, int last, int length) {}

    @Override
    public void play(Socket connection) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.ISO_8859_1));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            answer(read(in, line), connection.getOutputStream());
        }
    }

    private static Request read(BufferedReader in, String line) throws IOException {
        int first = 0;
        int last = 0;
        int length = 0;
        for (String header = in.readLine(); header != null && !header.isEmpty(); header = in.readLine()) {
            Matcher range = RANGE.matcher(header);
            if (range.matches()) {
                first = Integer.parseInt(range.group(1));
                last = Integer.parseInt(range.group(2));
            }
            Matcher content = LENGTH.matcher(header);
            length = content.matches() ? Integer.parseInt(content.group(1)) : length;
        }
        for (int i = 0; i < length; i++) {
            var _ = in.read();
        }
        return new Request(line, first, last, length);
    }

    private void answer(Request request, OutputStream out) throws IOException {
        Matcher file = WAL.matcher(request.line);
        if (file.matches()) {
            answer(file.group(1), request, out);
        } else {
            write(out, "200 OK", body(request).getBytes(StandardCharsets.US_ASCII));
        }
    }

    private void answer(String name, Request request, OutputStream out) throws IOException {
        Path file = wal.stream().map(directory -> directory.resolve(name)).filter(Files::exists).findFirst().orElse(null);
        if (file == null) {
            write(out, "404 Not Found\r\nX-Walrelay-Absent: " + name, new byte[0]);
        } else {
            write(out, "206 Partial Content", Arrays.copyOfRange(Files.readAllBytes(file), request.first, (int) Math.min(Files.size(file), request.last + 1L)));
        }
    }

    private String body(Request request) throws IOException {
        Matcher segments = SEGMENTS.matcher(request.line);
        if (segments.matches()) {
            Lsn from = Lsn.parse(segments.group(1));
            boolean beginning = segments.group(1).equals(segments.group(2));
            int crc = SegmentChecksum.of(segment, size, beginning ? size.offset(from) : size.bytes()).orElseThrow();
            return "{\"segment\":\"%s\",\"start\":\"%s\",\"crc32c\":\"%08x\",\"%s\":\"%s\"}\n{\"end\":true}\n"
                    .formatted(segment.getFileName(), size.startOf(checkpoint), crc, beginning ? "to" : "checkpoint", beginning ? from : checkpoint);
        }
        Matcher changes = CHANGES.matcher(request.line);
        if (changes.matches()) {
            return """
                    {"relation":"1663/5/16384","whole_blocks":"0","other_blocks":"1,4"}
                    {"at":"%1$s","relation_created":{"relation":"1663/5/16389","fork":0}}
                    {"end":true,"to":"%1$s"}
                    """.formatted(changes.group(1) == null ? end : changes.group(1));
        }
        return request.length > 0 ? "[{\"name\":\"rehearsal\",\"outcome\":\"imported\"}]" : "{}";
    }

    private static void write(OutputStream out, String status, byte[] body) throws IOException {
        out.write("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n".formatted(status, body.length).getBytes(StandardCharsets.US_ASCII));
        out.write(body);
    }
}
