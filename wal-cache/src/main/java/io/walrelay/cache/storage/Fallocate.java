package io.walrelay.cache.storage;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/** posix_fallocate, which the JDK has not: room for a file without writing it. Thread-safe. */
final class Fallocate {

    private static final int O_RDWR = 2;
    /** The last that are not errors of the disk: this file system, or this kind of file, does not know how. */
    private static final int EINVAL = 22;
    private static final int EOPNOTSUPP = 95;
    private static final int ENOSPC = 28;
    private static final int EDQUOT = 122;

    /** The three functions; empty where the C library is not one with Linux's numbers. */
    private static final Optional<Calls> CALLS = Calls.find();

    private record Calls(MethodHandle open, MethodHandle fallocate, MethodHandle close) {

        // Restricted because a wrong description crashes the process; these are described as in their manual pages.
        @SuppressWarnings("restricted")
        static Optional<Calls> find() {
            if (!System.getProperty("os.name", "").equals("Linux")) {
                return Optional.empty();
            }
            Linker linker = Linker.nativeLinker();
            var symbols = linker.defaultLookup();
            return symbols.find("open").flatMap(open -> symbols.find("posix_fallocate").flatMap(fallocate -> symbols.find("close")
                    .map(close -> new Calls(
                            linker.downcallHandle(
                                    open, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2)),
                            linker.downcallHandle(fallocate, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG)),
                            linker.downcallHandle(close, FunctionDescriptor.of(JAVA_INT, JAVA_INT))))));
        }

        /** errno, which posix_fallocate returns; -1 when the file can't be opened. */
        int reserve(String path, long bytes) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment name = arena.allocateFrom(path);
                int file = (int) open.invokeExact(name, O_RDWR);
                if (file < 0) {
                    return -1;
                }
                try {
                    return (int) fallocate.invokeExact(file, 0L, bytes);
                } finally {
                    int _ = (int) close.invokeExact(file);
                }
            } catch (Throwable e) {
                throw new IllegalStateException("could not call the C library", e);
            }
        }
    }

    private Fallocate() {}

    /**
     * @param path of an existing file
     * @return false when it can't be done this way here
     * @throws IOException when there is no room, in the words that the JDK has for it, or the disk failed
     */
    static boolean reserve(Path path, long bytes) throws IOException {
        int errno = CALLS.map(calls -> calls.reserve(path.toString(), bytes)).orElse(EOPNOTSUPP);
        return switch (errno) {
            case 0 -> true;
            case -1, EINVAL, EOPNOTSUPP -> false;
            case ENOSPC -> throw new IOException("No space left on device");
            case EDQUOT -> throw new IOException("Disk quota exceeded");
            default -> throw new IOException("could not reserve %d bytes for %s: errno %d".formatted(bytes, path, errno));
        };
    }
}
