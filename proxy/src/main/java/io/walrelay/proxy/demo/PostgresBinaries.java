package io.walrelay.proxy.demo;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Enumeration;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * The programs of one PostgreSQL installation: initdb and postgres at least. They come from a jar that holds a .txz archive
 * (unpacked once per user into a cache directory named by the archive's hash) or from an installed package.
 *
 * @param home  the directory that has {@code bin/}
 * @param major the major version, 13 to 18
 */
public record PostgresBinaries(Path home, int major) {

    private static final String RESOURCE = "/postgres-linux-x86_64.txz";
    private static final Pattern VERSION = Pattern.compile("postgres \\(PostgreSQL\\) (\\d+)\\D.*", Pattern.DOTALL);

    /** File locks exclude other processes only; threads of this one take turns here. */
    private static final Object UNPACKING = new Object();

    /** The programs that are on the class path of the demo. */
    public static PostgresBinaries ofClassPath() {
        try (InputStream resource = PostgresBinaries.class.getResourceAsStream(RESOURCE)) {
            if (resource == null) {
                throw new IllegalStateException("no PostgreSQL on the class path: %s is missing; it is built for Linux on x86-64"
                        .formatted(RESOURCE));
            }
            return unpack(resource.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("could not unpack " + RESOURCE, e);
        }
    }

    /** The programs in {@code jar}, which holds one .txz archive. */
    public static PostgresBinaries ofJar(Path jar) {
        try (JarFile file = new JarFile(jar.toFile())) {
            for (Enumeration<JarEntry> entries = file.entries(); entries.hasMoreElements(); ) {
                JarEntry entry = entries.nextElement();
                if (entry.getName().endsWith(".txz")) {
                    try (InputStream in = file.getInputStream(entry)) {
                        return unpack(in.readAllBytes());
                    }
                }
            }
            throw new IllegalStateException("no PostgreSQL in %s: expected one .txz archive".formatted(jar));
        } catch (IOException e) {
            throw new UncheckedIOException("could not unpack PostgreSQL from " + jar, e);
        }
    }

    /** The programs that are installed in {@code home}, such as Debian's {@code /usr/lib/postgresql/15}. */
    public static PostgresBinaries installedIn(Path home) {
        Path postgres = home.resolve("bin/postgres");
        if (!Files.isExecutable(postgres)) {
            throw new IllegalStateException("no PostgreSQL in %s: %s is missing".formatted(home, postgres));
        }
        String version = OsProcess.run(List.of(postgres.toString(), "--version"), Duration.ofSeconds(30));
        Matcher matcher = VERSION.matcher(version);
        if (!matcher.matches()) {
            throw new IllegalStateException("%s --version printed \"%s\"; expected \"postgres (PostgreSQL) …\"".formatted(postgres, version));
        }
        return new PostgresBinaries(home, Integer.parseInt(matcher.group(1)));
    }

    /** The path of a program, by its name. */
    public Path program(String name) {
        Path program = home.resolve("bin").resolve(name);
        if (!Files.isExecutable(program)) {
            throw new IllegalStateException("no %s in %s".formatted(name, program.getParent()));
        }
        return program;
    }

    private static PostgresBinaries unpack(byte[] archive) throws IOException {
        Path cache = cacheDirectory();
        Files.createDirectories(cache);
        Path home = cache.resolve(hash(archive));
        synchronized (UNPACKING) {
            try (FileChannel lockFile = FileChannel.open(
                            cache.resolve(home.getFileName() + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock _ = lockFile.lock()) {
                if (!Files.isDirectory(home)) {
                    Path unfinished = cache.resolve(home.getFileName() + ".unfinished");
                    FileTrees.delete(unfinished);
                    extract(archive, unfinished);
                    // Last, so that a directory of that name is always whole.
                    Files.move(unfinished, home, StandardCopyOption.ATOMIC_MOVE);
                }
            }
        }
        return installedIn(home);
    }

    private static void extract(byte[] archive, Path directory) throws IOException {
        Files.createDirectories(directory);
        try (InputStream bytes = new ByteArrayInputStream(archive);
                TarArchiveInputStream tar = new TarArchiveInputStream(new XZInputStream(bytes))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                Path target = within(directory, directory.resolve(entry.getName()), entry);
                if (entry.isDirectory()) {
                    Files.createDirectories(target);
                    continue;
                }
                Files.createDirectories(target.resolve("..").normalize());
                if (entry.isSymbolicLink()) {
                    within(directory, target.resolveSibling(entry.getLinkName()), entry);
                    Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
                } else if (entry.isFile()) {
                    Files.copy(tar, target);
                    Files.setPosixFilePermissions(target, permissions(entry.getMode()));
                } else {
                    throw new IOException("archive entry %s is neither file, directory nor symbolic link".formatted(entry.getName()));
                }
            }
        }
    }

    private static Path within(Path directory, Path path, TarArchiveEntry entry) throws IOException {
        if (!path.normalize().startsWith(directory)) {
            throw new IOException("archive entry %s points out of the archive".formatted(entry.getName()));
        }
        return path.normalize();
    }

    private static Set<PosixFilePermission> permissions(int mode) {
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        PosixFilePermission[] fromHighestBit = PosixFilePermission.values();
        for (int i = 0; i < fromHighestBit.length; i++) {
            if ((mode & 0400 >> i) != 0) {
                permissions.add(fromHighestBit[i]);
            }
        }
        return permissions;
    }

    private static Path cacheDirectory() {
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg != null && !xdg.isEmpty() ? Path.of(xdg) : Path.of(System.getProperty("user.home"), ".cache");
        return base.toAbsolutePath().normalize().resolve("walrelay").resolve("postgres");
    }

    private static String hash(byte[] archive) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(archive));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
