package io.walrelay.proxy.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;

/** What Linux says of processes and disks in /proc and /sys (proc(5), Documentation/admin-guide/iostats.rst). */
final class ProcFiles {

    /** The kernel counts CPU time for user space in hundredths of a second on every architecture that matters here. */
    private static final double TICKS_PER_SECOND = 100;

    private static final int USER_TIME = 14;
    private static final int SYSTEM_TIME = 15;
    private static final int REAPED_USER_TIME = 16;
    private static final int REAPED_SYSTEM_TIME = 17;
    private static final int FIRST_AFTER_NAME = 3;
    private static final int FLUSHES_COMPLETED = 15;

    private ProcFiles() {}

    /** User and system time of a process with all its threads, in seconds, exact to 20 ms. */
    static double cpuSeconds(long pid) {
        return cpuSeconds(read("/proc/%d/stat".formatted(pid)));
    }

    /** As {@link #cpuSeconds(long)}, of those of a process's threads that have such a name, which Linux cuts to 15 characters. */
    static double cpuSeconds(long pid, Set<String> threads) {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/%d/task".formatted(pid)))) {
            return tasks.filter(task -> threads.contains(read(task + "/comm").strip())).mapToDouble(task -> cpuSeconds(read(task + "/stat"))).sum();
        } catch (IOException e) {
            throw new UncheckedIOException("could not list the threads of process " + pid, e);
        }
    }

    /** As {@link #cpuSeconds(long)}, of several processes. */
    static double cpuSeconds(List<ProcessHandle> processes) {
        return processes.stream().mapToDouble(process -> cpuSeconds(process.pid())).sum();
    }

    /** Takes utime and stime from a line of /proc/PID/stat, whose second field is a name that may hold blanks and brackets. */
    static double cpuSeconds(String stat) {
        return seconds(stat, USER_TIME, SYSTEM_TIME);
    }

    /** User and system time of the children of a process that have ended, in seconds. */
    static double reapedCpuSeconds(long pid) {
        return seconds(read("/proc/%d/stat".formatted(pid)), REAPED_USER_TIME, REAPED_SYSTEM_TIME);
    }

    private static double seconds(String stat, int user, int system) {
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        long ticks = Long.parseLong(fields[user - FIRST_AFTER_NAME]) + Long.parseLong(fields[system - FIRST_AFTER_NAME]);
        return ticks / TICKS_PER_SECOND;
    }

    /** Bytes that a process and its children that have ended have taken by read and the like, from files and pipes but not by recv; cached or not. */
    static long readBytes(long pid) {
        return number(read("/proc/%d/io".formatted(pid)), "rchar:");
    }

    /** As {@link #readBytes}, by write and the like, sendfile to a socket included. */
    static long writtenBytes(long pid) {
        return number(read("/proc/%d/io".formatted(pid)), "wchar:");
    }

    /** Resident memory of a process, in bytes, shared pages included. */
    static long residentBytes(long pid) {
        return kilobytes(read("/proc/%d/status".formatted(pid)), "VmRSS:") << 10;
    }

    /** The most memory that a process ever had resident, in bytes. */
    static long peakResidentBytes(long pid) {
        return kilobytes(read("/proc/%d/status".formatted(pid)), "VmHWM:") << 10;
    }

    /** A process's share of the memory it uses, in bytes: a page that n processes share counts one n-th. */
    static long proportionalBytes(long pid) {
        return kilobytes(read("/proc/%d/smaps_rollup".formatted(pid)), "Pss:") << 10;
    }

    /** Takes the number of a line such as {@code VmRSS:     1234 kB}. */
    static long kilobytes(String lines, String label) {
        return number(lines, label);
    }

    private static long number(String lines, String label) {
        return lines.lines()
                .filter(line -> line.startsWith(label))
                .mapToLong(line -> Long.parseLong(line.substring(label.length()).replace("kB", "").strip()))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no line \"%s\" in: %s".formatted(label, lines)));
    }

    /** The walsenders among the children of a postmaster. */
    static List<ProcessHandle> walSenders(long postmaster) {
        return ProcessHandle.of(postmaster).orElseThrow().children()
                .filter(child -> read("/proc/%d/cmdline".formatted(child.pid())).contains("walsender "))
                .toList();
    }

    /**
     * How many cache flushes the disk below {@code path} has done since the machine started: what fsync ends in, for whichever
     * process. Flushes of several files at a time may be one. Empty where the kernel does not say, as for a file system in memory.
     */
    static OptionalLong diskFlushes(Path path) {
        try {
            long device = (long) Files.getAttribute(path, "unix:dev");
            long major = (device >> 8) & 0xFFF;
            long minor = (device & 0xFF) | ((device >> 12) & 0xFFF00);
            Path link = Path.of("/sys/dev/block/%d:%d".formatted(major, minor));
            if (!Files.exists(link)) {
                return OptionalLong.empty();
            }
            Path block = link.toRealPath();
            // A partition has no flushes of its own.
            Path stat = Files.exists(block.resolve("partition")) ? block.resolveSibling("stat") : block.resolve("stat");
            return OptionalLong.of(flushes(Files.readString(stat)));
        } catch (IOException e) {
            throw new UncheckedIOException("could not read the flushes of the disk below " + path, e);
        }
    }

    /** Takes the flushes from a line of /sys/block/NAME/stat. */
    static long flushes(String stat) {
        return Long.parseLong(stat.strip().split("\\s+", -1)[FLUSHES_COMPLETED]);
    }

    /** The first line of a file in which {@code label} begins a line, after the colon; such as the model in /proc/cpuinfo. */
    static String value(String file, String label) {
        return Arrays.stream(read(file).split("\n", -1))
                .filter(line -> line.startsWith(label))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("unknown");
    }

    static String read(String file) {
        try {
            return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UncheckedIOException("could not read " + file, e);
        }
    }
}
