package io.walrelay.proxy.console.sql;

/** A column of rows. */
public record ResultColumn(String name, SqlType type) {}
