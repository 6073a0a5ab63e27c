package io.walrelay.rewind.source;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Opens connections on which a query does what the test says, since a real server does not fail on cue. Thread-safe. */
final class ScriptedServer implements SourceSession.Opener {

    /** What a query does; to return is to answer no rows. */
    @FunctionalInterface
    interface Script {
        /**
         * @param number of the connection, from 1 on
         * @param ended when it is closed or aborted
         * @return how many rows it has, all null
         */
        int query(int number, CountDownLatch ended) throws Exception;
    }

    private final Script script;
    private final AtomicInteger opened = new AtomicInteger();
    private final AtomicInteger closed = new AtomicInteger();

    ScriptedServer(Script script) {
        this.script = script;
    }

    /** Connections that were ever opened. */
    int opened() {
        return opened.get();
    }

    /** Connections that are still open. */
    int left() {
        return opened.get() - closed.get();
    }

    @Override
    public Connection open() {
        int number = opened.incrementAndGet();
        CountDownLatch ended = new CountDownLatch(1);
        return fake(Connection.class, (_, method, _) -> switch (method.getName()) {
            case "createStatement" -> fake(Statement.class, (_, _, _) -> false);
            case "createArrayOf" -> fake(Array.class, (_, _, _) -> null);
            case "prepareStatement" -> fake(PreparedStatement.class, (_, ofStatement, _) -> {
                if (ofStatement.getName().equals("executeQuery")) {
                    AtomicInteger rows = new AtomicInteger(script.query(number, ended));
                    return fake(ResultSet.class, (_, ofRows, _) -> ofRows.getName().equals("next") ? rows.getAndDecrement() > 0 : null);
                }
                return null;
            });
            case "abort", "close" -> {
                if (ended.getCount() == 1) {
                    ended.countDown();
                    closed.incrementAndGet();
                }
                yield null;
            }
            default -> throw new UnsupportedOperationException(method.getName());
        });
    }

    /** Whose methods that return nothing are given null. */
    private static <T> T fake(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) ->
                method.getName().equals("close") && type != Connection.class ? null : handler.invoke(proxy, method, arguments)));
    }
}
