/** The messages of PostgreSQL's frontend/backend protocol as values, named as in the manual ("Message Formats"). */
@NullMarked
package io.walrelay.protocol.message;

import org.jspecify.annotations.NullMarked;
