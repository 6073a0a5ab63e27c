package io.walrelay.protocol.codec;

/** What stands in the place of the protocol version in the messages that open no session (PostgreSQL: pqcomm.h). */
final class OpeningCode {

    static final int CANCEL_REQUEST = 80877102;
    static final int SSL_REQUEST = 80877103;
    static final int GSSENC_REQUEST = 80877104;

    private OpeningCode() {}
}
