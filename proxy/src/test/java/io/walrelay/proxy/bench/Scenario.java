package io.walrelay.proxy.bench;

/** One line of the table of speeds, measured on both sides in turn. */
interface Scenario {

    /** What {@code --only} calls it. */
    String name();

    /** Measures and returns its section of the report, in Markdown. What it starts and writes is gone when it returns. */
    String run(Lab lab) throws Exception;
}
