package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URI;
import org.junit.jupiter.api.Test;

class HintUrlTest {

    @Test
    void aHostTakesItsPlaceInTheUrl() {
        HintUrl each = HintUrl.parse("http://{host}:8008/primary");
        assertEquals(URI.create("http://pg1:8008/primary"), each.of("pg1"));
        assertEquals(URI.create("http://[::1]:8008/primary"), each.of("::1"));
        assertEquals(URI.create("http://pg1/cluster"), HintUrl.parse("http://pg1/cluster").of("pg2"));
        assertThrows(IllegalArgumentException.class, () -> each.of("pg_1"));
    }
}
