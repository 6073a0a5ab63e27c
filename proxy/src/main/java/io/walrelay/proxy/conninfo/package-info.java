/** Connection strings and password files in libpq's form: which servers, as whom, how guarded. Pure, but for reading a file. */
@NullMarked
package io.walrelay.proxy.conninfo;

import org.jspecify.annotations.NullMarked;
