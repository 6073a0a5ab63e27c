package io.walrelay.cache.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Objects in a bucket of Amazon S3 or of a service that speaks its protocol, conditional puts ({@code If-None-Match: *}) included.
 * Thread-safe.
 */
public final class S3Store implements ObjectStore {

    private static final int PRECONDITION_FAILED = 412;
    /** Another writer of the same key is under way; which of the two wins shows on another try. */
    private static final int CONFLICT = 409;
    private static final int NOT_FOUND = 404;
    private static final int TRIES_AT_CONFLICT = 5;

    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration SILENCE = Duration.ofSeconds(30);

    private final S3Client client;
    private final ArchiveLocation.S3 location;

    private S3Store(S3Client client, ArchiveLocation.S3 location) {
        this.client = client;
        this.location = location;
    }

    /** Connects to nothing yet. Credentials, and a region that is not given, come from where Amazon's own tools look for them. */
    static S3Store open(ArchiveLocation.S3 location) {
        S3ClientBuilder builder = S3Client.builder()
                .httpClientBuilder(UrlConnectionHttpClient.builder().connectionTimeout(CONNECT).socketTimeout(SILENCE))
                .forcePathStyle(location.pathStyle())
                // Other services than Amazon's do not take the trailers in which checksums come by default; ours are in the object.
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED);
        location.endpoint().ifPresent(builder::endpointOverride);
        Optional<String> region = location.region().or(() -> location.endpoint().map(_ -> "us-east-1"));
        region.ifPresent(name -> builder.region(Region.of(name)));
        return new S3Store(builder.build(), location);
    }

    @Override
    public boolean putIfAbsent(String key, Path content) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                client.putObject(put -> put.bucket(location.bucket()).key(full(key)).ifNoneMatch("*"), RequestBody.fromFile(content));
                return true;
            } catch (S3Exception e) {
                if (e.statusCode() == PRECONDITION_FAILED) {
                    return false;
                }
                if (e.statusCode() != CONFLICT || attempt == TRIES_AT_CONFLICT) {
                    throw failed("put", key, e);
                }
            } catch (SdkException e) {
                throw failed("put", key, e);
            }
        }
    }

    @Override
    public Optional<InputStream> get(String key) throws IOException {
        try {
            return Optional.of(client.getObject(get -> get.bucket(location.bucket()).key(full(key))));
        } catch (NoSuchKeyException e) {
            return Optional.empty();
        } catch (SdkException e) {
            throw failed("get", key, e);
        }
    }

    @Override
    public Optional<Listed> find(String key) throws IOException {
        try {
            HeadObjectResponse head = client.headObject(h -> h.bucket(location.bucket()).key(full(key)));
            return Optional.of(new Listed(key, head.contentLength(), head.lastModified()));
        } catch (S3Exception e) {
            if (e.statusCode() == NOT_FOUND) {
                requireBucket(e);
                return Optional.empty();
            }
            throw failed("look for", key, e);
        } catch (SdkException e) {
            throw failed("look for", key, e);
        }
    }

    /** A HEAD is answered without a body: that the bucket is missing looks like a missing object. */
    private void requireBucket(S3Exception head) throws IOException {
        try {
            client.headBucket(h -> h.bucket(location.bucket()));
        } catch (SdkException e) {
            e.addSuppressed(head);
            throw failed("look into", "", e);
        }
    }

    @Override
    public List<String> children(String directory) throws IOException {
        String prefix = prefix(directory);
        List<String> names = new ArrayList<>();
        try {
            for (var page : client.listObjectsV2Paginator(list -> list.bucket(location.bucket()).prefix(prefix).delimiter("/"))) {
                page.commonPrefixes().forEach(p -> names.add(p.prefix().substring(prefix.length(), p.prefix().length() - 1)));
                page.contents().forEach(object -> names.add(object.key().substring(prefix.length())));
            }
        } catch (SdkException e) {
            throw failed("list", directory, e);
        }
        return names;
    }

    @Override
    public void list(String directory, Consumer<Listed> each) throws IOException {
        int cut = root().length();
        try {
            client.listObjectsV2Paginator(list -> list.bucket(location.bucket()).prefix(prefix(directory))).contents().forEach(object ->
                    each.accept(new Listed(object.key().substring(cut), object.size(), object.lastModified())));
        } catch (SdkException e) {
            throw failed("list", directory, e);
        }
    }

    @Override
    public void delete(String key) throws IOException {
        try {
            client.deleteObject(delete -> delete.bucket(location.bucket()).key(full(key)));
        } catch (SdkException e) {
            throw failed("delete", key, e);
        }
    }

    private String full(String key) {
        return root() + ObjectKeys.require(key);
    }

    private String prefix(String directory) {
        return directory.isEmpty() ? root() : full(directory) + "/";
    }

    private String root() {
        return location.prefix().isEmpty() ? "" : location.prefix() + "/";
    }

    private IOException failed(String what, String key, SdkException e) {
        return new IOException("could not %s %s%s: %s".formatted(what, this, key.isEmpty() ? "" : "/" + key, e.getMessage()), e);
    }

    @Override
    public String toString() {
        return "s3://" + location.bucket() + (location.prefix().isEmpty() ? "" : "/" + location.prefix());
    }

    @Override
    public void close() {
        client.close();
    }
}
