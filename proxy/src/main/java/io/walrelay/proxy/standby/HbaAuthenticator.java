package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.PasswordVerifier;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.auth.CertificateName;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.auth.ConnectionFacts;
import io.walrelay.proxy.auth.Hba;
import io.walrelay.proxy.auth.LocalAddresses;
import io.walrelay.proxy.auth.UserEntry;
import io.walrelay.proxy.auth.Users;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Authentication by access rules and the verifiers of {@link Users} (auth.c, ClientAuthentication). A rule {@code trust} or
 * {@code cert} asks for no password, and so for no look-up: it alone says who may come in.
 */
public final class HbaAuthenticator implements Authenticator {

    private static final Logger log = LoggerFactory.getLogger(HbaAuthenticator.class);

    private final Hba hba;
    private final Users users;
    private final InstantSource clock;
    private final LocalAddresses local;
    private final Repeats repeats;

    public HbaAuthenticator(Hba hba, Users users, InstantSource clock) {
        this.hba = hba;
        this.users = users;
        this.clock = clock;
        this.local = new LocalAddresses(clock);
        this.repeats = new Repeats(clock);
    }

    @Override
    public CompletionStage<Admission> decide(StartupRequest request, Client client) {
        var facts = new ConnectionFacts(
                client.address(),
                client.encrypted(),
                request.database(),
                request.user(),
                request.kind() == SessionKind.PHYSICAL_REPLICATION,
                local);
        return switch (hba.match(facts)) {
            case Hba.Verdict.Refuse(var message) -> done(new AuthenticationDecision.Reject(Refusals.byRules(message)));
            case Hba.Verdict.Authenticate(var method, var wanted, var _) -> {
                Optional<AuthenticationDecision> refused = checkCertificate(wanted, request.user(), client);
                yield refused.isPresent() ? done(refused.get()) : byMethod(method, request, client);
            }
        };
    }

    private static Optional<AuthenticationDecision> checkCertificate(Hba.ClientCert wanted, String user, Client client) {
        boolean good =
                switch (wanted) {
                    case NONE -> true;
                    case VERIFY_CA -> client.certificate().isPresent();
                    case VERIFY_FULL -> namedBy(client.certificate(), user);
                };
        if (good) {
            return Optional.empty();
        }
        return Optional.of(
                client.certificate().isEmpty()
                        ? reject("connection requires a valid client certificate")
                        : new AuthenticationDecision.Cert(false));
    }

    private CompletionStage<Admission> byMethod(Hba.Method method, StartupRequest request, Client client) {
        return switch (method) {
            case TRUST -> done(new AuthenticationDecision.Trust());
            case REJECT -> throw new IllegalStateException("a rule that rejects is a verdict of its own");
            case CERT -> done(new AuthenticationDecision.Cert(namedBy(client.certificate(), request.user())));
            case PEER -> client.systemUser().get().thenApply(user -> new Admission(byPeer(user, request.user()), Optional.empty()));
            case MD5 -> byPassword(request, AuthenticationDecision.Md5::new);
            case SCRAM_SHA_256 -> byPassword(request, AuthenticationDecision.ScramSha256::new);
        };
    }

    private AuthenticationDecision byPeer(Optional<String> systemUser, String user) {
        if (systemUser.filter(user::equals).isPresent()) {
            return new AuthenticationDecision.Trust();
        }
        say("user \"%s\" is not let in by peer: the client's system user is %s".formatted(ClientText.printable(user), systemUser.map("\"%s\""::formatted).orElse("not known")));
        return reject("Peer authentication failed for user \"%s\"".formatted(user));
    }

    private CompletionStage<Admission> byPassword(
            StartupRequest request, Function<Optional<PasswordVerifier>, AuthenticationDecision> method) {
        return users.find(request.user()).thenApply(lookup -> switch (lookup) {
            case Users.Lookup.Found(var entry, var _) -> new Admission(method.apply(verifier(entry)), afterwards(entry, request));
            case Users.Lookup.Unknown() -> {
                // The client is told the same as with a wrong password; whoever runs the relay may know.
                say("user \"%s\" is not known: no such role, or one that is not looked up, as superusers are not by the function of walrelay setup-sql"
                        .formatted(ClientText.printable(request.user())));
                yield new Admission(method.apply(Optional.empty()), Optional.empty());
            }
            case Users.Lookup.Unavailable(var reason, var remembered) -> {
                if (remembered.isEmpty()) {
                    log.warn("could not look up user \"{}\": {}", ClientText.printable(request.user()), ClientText.printable(reason));
                }
                // The same for those who are not remembered as for those whose password is another one, so that it names nobody.
                yield new Admission(
                        method.apply(remembered.flatMap(this::verifier)),
                        Optional.of(Refusals.couldNotLookUp(request.user())),
                        remembered.flatMap(entry -> afterwards(entry, request)));
            }
        });
    }

    /** For whoever runs the relay: the client is told less. */
    private void say(String line) {
        log.atLevel(repeats.write(line).isPresent() ? Level.INFO : Level.DEBUG).log(line);
    }

    /** Empty, which looks like a wrong password, when there is none or its time is over (crypt.c, get_role_password). */
    private Optional<PasswordVerifier> verifier(UserEntry entry) {
        if (entry.expired(clock.instant())) {
            say("user \"%s\" can't log in: the time of its password is over".formatted(ClientText.printable(entry.name())));
            return Optional.empty();
        }
        try {
            return entry.password().map(Secret::utf8).map(PasswordVerifier::parse);
        } catch (IllegalArgumentException e) {
            log.warn("user \"{}\" can't log in: {}", ClientText.printable(entry.name()), e.getMessage());
            return Optional.empty();
        }
    }

    /** As InitPostgres, which looks at the role's attributes only when the password was right. */
    private static Optional<Diagnostic> afterwards(UserEntry entry, StartupRequest request) {
        if (!entry.canLogin()) {
            return Optional.of(Diagnostic.fatal("28000", "role \"%s\" is not permitted to log in".formatted(entry.name())));
        }
        return request.kind() != SessionKind.ORDINARY && !entry.replication()
                ? Optional.of(UserEntry.NOT_A_REPLICATION_ROLE)
                : Optional.empty();
    }

    private static boolean namedBy(Optional<X509Certificate> certificate, String user) {
        return certificate.map(X509Certificate::getSubjectX500Principal).flatMap(CertificateName::commonName).filter(user::equals).isPresent();
    }

    private static AuthenticationDecision reject(String message) {
        return new AuthenticationDecision.Reject(Diagnostic.fatal(Hba.Verdict.Refuse.SQL_STATE, message));
    }

    private static CompletionStage<Admission> done(AuthenticationDecision decision) {
        return CompletableFuture.completedFuture(new Admission(decision, Optional.empty()));
    }
}
