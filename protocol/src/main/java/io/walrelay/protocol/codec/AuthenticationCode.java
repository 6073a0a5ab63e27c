package io.walrelay.protocol.codec;

/** The numbers of the authentication requests (PostgreSQL: protocol.h, AUTH_REQ_…). */
final class AuthenticationCode {

    static final int OK = 0;
    static final int CLEARTEXT_PASSWORD = 3;
    static final int MD5_PASSWORD = 5;
    static final int SASL = 10;
    static final int SASL_CONTINUE = 11;
    static final int SASL_FINAL = 12;

    private AuthenticationCode() {}
}
