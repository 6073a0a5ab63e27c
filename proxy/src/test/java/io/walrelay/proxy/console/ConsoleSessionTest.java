package io.walrelay.proxy.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BytesRow;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ParameterDescription;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ExtendedQuery.Bind;
import io.walrelay.protocol.message.ExtendedQuery.Close;
import io.walrelay.protocol.message.ExtendedQuery.Describe;
import io.walrelay.protocol.message.ExtendedQuery.Execute;
import io.walrelay.protocol.message.ExtendedQuery.FunctionCall;
import io.walrelay.protocol.message.ExtendedQuery.Parse;
import io.walrelay.protocol.message.ExtendedQuery.Target;
import io.walrelay.proxy.console.sql.Catalog;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.TestCatalog;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Conversations as transcripts: what a client says, and which messages it is answered with. */
final class ConsoleSessionTest {

    private static final short TEXT = 0;
    private static final short BINARY = 1;

    private final TestCatalog catalog = new TestCatalog();
    private final ConsoleSession session = new ConsoleSession(
            new ConsoleSession.Views() {
                @Override
                public Catalog catalog() {
                    return catalog;
                }

                @Override
                public UpstreamFacts facts() {
                    return new UpstreamFacts(new SystemId(7), new SegmentSize(1 << 20), Map.of("server_version", "17.2"), Map.of("wal_segment_size", "1MB"));
                }

                @Override
                public Optional<Relation> own(String name) {
                    return catalog.relation(Optional.empty(), name);
                }
            },
            new ConsoleSettings("tester"));

    /** Messages as their names, with what matters of them. */
    private static String transcript(List<BackendMessage> messages) {
        return messages.stream().map(ConsoleSessionTest::shown).collect(Collectors.joining(" "));
    }

    private static String shown(BackendMessage message) {
        return switch (message) {
            case ReadyForQuery(var status) -> "Ready" + (char) status.code();
            case ErrorResponse(var diagnostic) -> "Error " + diagnostic.sqlState();
            case BackendMessage.NoticeResponse(var diagnostic) -> "Notice " + diagnostic.sqlState();
            case CommandComplete(var tag) -> "[" + tag + "]";
            case BytesRow(var values) -> values.stream().map(v -> v == null ? "NULL" : new String(v, StandardCharsets.UTF_8)).collect(Collectors.joining(",", "(", ")"));
            case BackendMessage.ParameterStatus(var name, var value) -> name + "=" + value;
            case RowDescription _ -> "Row";
            default -> message.getClass().getSimpleName();
        };
    }

    private String query(String sql) {
        return transcript(session.query(sql));
    }

    private String prepare(String sql) {
        return transcript(session.extended(new Parse("", sql, List.of())));
    }

    private String bind(List<Short> formats, byte @Nullable []... values) {
        return transcript(session.extended(new Bind("", "", formats, Arrays.asList(values), List.of())));
    }

    private String execute(int maxRows) {
        return transcript(session.extended(new Execute("", maxRows)));
    }

    private String sync() {
        return transcript(session.sync());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "SELECT 1 | Row (1) [SELECT 1] ReadyI",
        "'' | EmptyQueryResponse ReadyI",
        "; | EmptyQueryResponse ReadyI",
        "SELECT 1; SELECT 2 | Row (1) [SELECT 1] Row (2) [SELECT 1] ReadyI",
        "SELECT touch('a'); SELECT fail(); SELECT touch('b') | Row (a) [SELECT 1] Error 55000 ReadyI",
        "SELECT touch('a'); SELEC | Error 42601 ReadyI",
        "SELECT id FROM t | Row (1) (2) (3) [SELECT 3] ReadyI",
        "SELECT $1 | Error 42P02 ReadyI",
        "SHOW server_version | Row (17.2) [SHOW] ReadyI",
        "SHOW server_version_num | Row (170002) [SHOW] ReadyI",
        "SHOW application_name | Row (tester) [SHOW] ReadyI",
        "SHOW nosuch | Error 42704 ReadyI",
        "SHOW t | Row (1,b,0/10,t) (2,a,NULL,f) (3,NULL,1/0,NULL) [SHOW] ReadyI",
        "SET application_name = 'x'; SHOW application_name; RESET application_name | application_name=x [SET] Row (x) [SHOW] application_name=tester [RESET] ReadyI",
        "SET extra_float_digits = 3 | extra_float_digits=3 [SET] ReadyI",
        "SET client_encoding = 'LATIN1' | Error 22023 ReadyI",
        "SET client_encoding = 'utf-8' | client_encoding=UTF8 [SET] ReadyI",
        "SET work_mem = '1GB' | Error 42704 ReadyI",
        "SET server_version = '9' | Error 55P02 ReadyI",
        "BEGIN; SELECT 1; COMMIT | [BEGIN] Row (1) [SELECT 1] [COMMIT] ReadyI",
        "BEGIN; SELECT fail() | [BEGIN] Error 55000 ReadyE",
        "BEGIN; BEGIN | [BEGIN] Notice 25001 [BEGIN] ReadyT",
        "COMMIT | Notice 25P01 [COMMIT] ReadyI",
        "DISCARD ALL | application_name=tester [DISCARD ALL] ReadyI",
        "DEALLOCATE nosuch | Error 26000 ReadyI",
        "DEALLOCATE ALL | [DEALLOCATE ALL] ReadyI"
    })
    void aSimpleQueryIsAnswered(String sql, String answer) {
        assertEquals(answer, query(sql));
    }

    @Test
    void aTransactionThatFailedTakesNothingButItsEnd() {
        assertEquals("[BEGIN] Error 42703 ReadyE", query("BEGIN; SELECT nosuch"));
        assertEquals("Error 25P02 ReadyE", query("SELECT 1"));
        assertEquals("Error 25P02", prepare("SELECT 1"));
        assertEquals("ReadyE", sync());
        assertEquals("[ROLLBACK] ReadyI", query("COMMIT"));
        assertEquals("Row (1) [SELECT 1] ReadyI", query("SELECT 1"));
    }

    @Test
    void whatIsNoUtf8IsRefused() {
        assertEquals("Error 22021 ReadyI", query("SELECT '\uFFFD'"));
        assertEquals("Error 22021", prepare("SELECT '\uFFFD'"));
    }

    @Test
    void aPreparedStatementIsDescribedBoundAndCarriedOut() {
        assertEquals("ParseComplete", prepare("SELECT id, name, $2 FROM t WHERE id >= $1"));
        List<BackendMessage> described = session.extended(new Describe(Target.STATEMENT, ""));
        assertEquals(List.of(23, 25), assertInstanceOf(ParameterDescription.class, described.getFirst()).types());
        assertEquals(List.of(23, 25, 25), assertInstanceOf(RowDescription.class, described.getLast()).columns().stream().map(c -> c.typeOid()).toList());
        assertEquals("BindComplete", bind(List.of(BINARY, TEXT), new byte[] {0, 0, 0, 2}, "é".getBytes(StandardCharsets.UTF_8)));
        assertEquals("(2,a,é) (3,NULL,é) [SELECT 2]", execute(0));
        assertEquals("[SELECT 0]", execute(0));
        assertEquals("ReadyI", sync());
        assertEquals("Error 34000", execute(0));
        assertEquals("ReadyI", sync());
    }

    @Test
    void rowsComeInTheFormatsThatWereAskedFor() {
        prepare("SELECT id, lsn, ok, now() FROM t WHERE id = 1");
        session.extended(new Bind("", "", List.of(), List.of(), List.of(BINARY)));
        RowDescription described = assertInstanceOf(RowDescription.class, session.extended(new Describe(Target.PORTAL, "")).getFirst());
        assertEquals(List.of(BINARY, BINARY, BINARY, BINARY), described.columns().stream().map(c -> c.format()).toList());
        BytesRow row = assertInstanceOf(BytesRow.class, session.extended(new Execute("", 0)).getFirst());
        assertArrayEquals(new byte[] {0, 0, 0, 1}, row.values().get(0));
        assertArrayEquals(new byte[] {0, 0, 0, 0, 0, 0, 0, 0x10}, row.values().get(1));
        assertArrayEquals(new byte[] {1}, row.values().get(2));
        session.extended(new Bind("", "", List.of(), List.of(), List.of(TEXT, BINARY, TEXT, TEXT)));
        row = assertInstanceOf(BytesRow.class, session.extended(new Execute("", 0)).getFirst());
        assertArrayEquals("1".getBytes(StandardCharsets.UTF_8), row.values().get(0));
        assertEquals(8, assertInstanceOf(byte[].class, row.values().get(1)).length);
    }

    @Test
    void aPortalGivesItsRowsAFewAtATime() {
        prepare("SELECT id FROM t");
        bind(List.of());
        assertEquals("(1) (2) PortalSuspended", execute(2));
        assertEquals("(3) [SELECT 1]", execute(2));
        assertEquals("[SELECT 0]", execute(2));
        assertEquals("ReadyI", sync());
    }

    @Test
    void whatGivesNoRowsSaysSo() {
        prepare("SET application_name = 'y'");
        assertEquals("ParameterDescription NoData", transcript(session.extended(new Describe(Target.STATEMENT, ""))));
        bind(List.of());
        assertEquals("NoData", transcript(session.extended(new Describe(Target.PORTAL, ""))));
        assertEquals("application_name=y [SET]", execute(0));
        assertEquals("Error 55000", execute(0));
        sync();
        prepare("");
        bind(List.of());
        assertEquals("EmptyQueryResponse", execute(0));
    }

    @Test
    void afterAnErrorAllIsDroppedUpToSync() {
        assertEquals("Error 42703", prepare("SELECT nosuch"));
        assertEquals("", prepare("SELECT 1"));
        assertEquals("", query("SELECT 1"));
        assertEquals("", transcript(session.broken(Diagnostic.fatal("08P01", "garbage"))));
        assertEquals("ReadyI", sync());
        assertEquals("ParseComplete", prepare("SELECT 1"));
        assertEquals("Error 08P01", transcript(session.broken(Diagnostic.fatal("08P01", "garbage"))));
        assertEquals("ReadyI", sync());
    }

    static Stream<Arguments> badBinds() {
        byte[] one = "1".getBytes(StandardCharsets.UTF_8);
        return Stream.of(
                Arguments.of(new Bind("", "nosuch", List.of(), List.of(), List.of()), "26000"),
                Arguments.of(new Bind("", "", List.of(), List.of(), List.of()), "08P01"),
                Arguments.of(new Bind("", "", List.of(TEXT, TEXT), List.of(one), List.of()), "08P01"),
                Arguments.of(new Bind("", "", List.of((short) 2), List.of(one), List.of()), "22023"),
                Arguments.of(new Bind("", "", List.of(), List.of(one), List.of(TEXT, TEXT)), "08P01"),
                Arguments.of(new Bind("", "", List.of(), List.of(one), List.of((short) 7)), "22023"),
                Arguments.of(new Bind("", "", List.of(BINARY), List.of(one), List.of()), "22P03"),
                Arguments.of(new Bind("", "", List.of(), List.of(new byte[] {(byte) 0xFF}), List.of()), "22021"),
                Arguments.of(new Bind("", "", List.of(), List.of("x".getBytes(StandardCharsets.UTF_8)), List.of()), "22P02"));
    }

    @ParameterizedTest
    @MethodSource("badBinds")
    void aBadBindIsRefused(Bind bind, String state) {
        prepare("SELECT id FROM t WHERE id = $1");
        assertEquals("Error " + state, transcript(session.extended(bind)));
        assertEquals("ReadyI", sync());
        assertEquals("BindComplete", bind(List.of(), "1".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void namesAreTakenOnceAndThereAreOnlySoMany() {
        assertEquals("ParseComplete", transcript(session.extended(new Parse("s0", "SELECT 1", List.of()))));
        assertEquals("Error 42P05", transcript(session.extended(new Parse("s0", "SELECT 1", List.of()))));
        sync();
        assertEquals("Error 42704", transcript(session.extended(new Parse("other", "SELECT $1", List.of(600)))));
        sync();
        assertEquals("Error 42601", prepare("SELECT 1; SELECT 2"));
        sync();
        String last = "ParseComplete";
        for (int i = 1; i <= 256 && last.equals("ParseComplete"); i++) {
            last = transcript(session.extended(new Parse("s" + i, "SELECT 1", List.of())));
        }
        assertEquals("Error 53400", last);
        sync();
        assertEquals("CloseComplete", transcript(session.extended(new Close(Target.STATEMENT, "s0"))));
        assertEquals("ParseComplete", prepare("SELECT 1"));
        last = "BindComplete";
        for (int i = 0; i <= 64 && last.equals("BindComplete"); i++) {
            last = transcript(session.extended(new Bind("p" + i, "", List.of(), List.of(), List.of())));
        }
        assertEquals("Error 53400", last);
        sync();
        assertEquals("BindComplete", bind(List.of()));
    }

    @Test
    void theFastPathIsRefused() {
        assertEquals("Error 0A000 ReadyI", transcript(session.extended(new FunctionCall())));
        assertTrue(query("SELECT 1").startsWith("Row"));
    }

    @Test
    void aDriversQuestionAboutATypeIsAnswered() {
        prepare("SELECT n.nspname = ANY(current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = $1");
        bind(List.of(), "3220".getBytes(StandardCharsets.UTF_8));
        assertEquals("(t,pg_catalog,pg_lsn) [SELECT 1]", execute(0));
    }

    @Test
    void declaredParametersAreCounted() {
        assertEquals("Error 54000", transcript(session.extended(new Parse("", "SELECT 1", Collections.nCopies(65_000, 23)))));
        sync();
        String last = "ParseComplete";
        int kept = 0;
        while (last.equals("ParseComplete")) {
            last = transcript(session.extended(new Parse("s" + kept++, "SELECT 1", Collections.nCopies(1000, 23))));
        }
        assertEquals("Error 53400", last);
        assertTrue(kept < 30, () -> "kept more than thirty thousand parameters");
    }

    @Test
    void portalsAreBoundedInBytes() {
        prepare("SELECT $1::text");
        byte[] value = "x".repeat(1_000_000).getBytes(StandardCharsets.UTF_8);
        String last = "BindComplete";
        int kept = 0;
        while (last.equals("BindComplete")) {
            last = transcript(session.extended(new Bind("p" + kept++, "", List.of(), List.of(value), List.of())));
        }
        assertEquals("Error 53400", last);
        assertEquals(5, kept);
        sync();
        prepare("SELECT name || '%s' FROM many".formatted("x".repeat(600)));
        kept = 0;
        do {
            session.extended(new Bind("q" + kept, "", List.of(), List.of(), List.of()));
            last = transcript(session.extended(new Execute("q" + kept, 1)));
            kept++;
        } while (last.endsWith("PortalSuspended"));
        assertEquals("Error 53400", last);
        assertTrue(kept < 10, () -> "kept a megabyte of rows each for more than ten");
    }

    @Test
    void theAnswersToAllStatementsOfAQueryAreBounded() {
        String statement = "SELECT x FROM (SELECT '%s' AS x) s, many LIMIT 200;".formatted("x".repeat(16_000));
        List<BackendMessage> answer = session.query(statement.repeat(4));
        assertEquals("Error 54000", shown(answer.get(answer.size() - 2)));
    }

    @Test
    void aStatementEndsWhenItsTimeIsUp() {
        query("SET statement_timeout = '1us'");
        assertEquals("Error 57014 ReadyI", query("SELECT count(*) FROM many a, many b WHERE a.id = -1"));
        query("SET statement_timeout = '1min'");
        assertEquals("Row (1000) [SELECT 1] ReadyI", query("SELECT count(*) FROM many"));
    }
}
