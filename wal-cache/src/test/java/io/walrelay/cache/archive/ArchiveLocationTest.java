package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArchiveLocationTest {

    @Test
    void readsADirectory() {
        assertEquals(new ArchiveLocation.Directory(Path.of("/mnt/wal archive")), ArchiveLocation.parse("file:///mnt/wal%20archive"));
    }

    @Test
    void readsABucket() {
        assertEquals(new ArchiveLocation.S3("my-wal", "", Optional.empty(), Optional.empty(), false), ArchiveLocation.parse("s3://my-wal"));
        assertEquals(
                new ArchiveLocation.S3("my-wal", "prod/pg1", Optional.empty(), Optional.of("eu-central-1"), false),
                ArchiveLocation.parse("s3://my-wal/prod/pg1/?region=eu-central-1"));
    }

    @Test
    void anotherServiceIsAskedByPathUnlessToldOtherwise() {
        Optional<URI> minio = Optional.of(URI.create("https://minio:9000"));
        assertEquals(new ArchiveLocation.S3("wal", "x", minio, Optional.empty(), true), ArchiveLocation.parse("s3://wal/x?endpoint=https://minio:9000"));
        assertEquals(
                new ArchiveLocation.S3("wal", "x", minio, Optional.empty(), false),
                ArchiveLocation.parse("s3://wal/x?endpoint=https%3A%2F%2Fminio%3A9000&path-style=false"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            /mnt/archive                     | unknown kind of archive
            ftp://host/x                     | unknown kind of archive
            file://host/x                    | not an absolute path
            file:relative                    | not an absolute path
            s3://                            | Expected authority
            s3:///prefix                     | no bucket's name
            s3://UPPER/x                     | no bucket's name
            s3://wal/x?endpoint=minio:9000   | endpoint is not a URL of http or https
            s3://wal/x?access-key=secret     | unknown parameter "access-key"
            s3://wal/x?path-style=yes        | path-style is neither true nor false
            s3://wal/a/../b                  | not an object's key: "a/../b"
            """)
    void refusesWhatIsNone(String url, String why) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> ArchiveLocation.parse(url));
        assertEquals(true, String.valueOf(e.getMessage()).contains(why), e.getMessage());
    }
}
