package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ManualTest {

    @Test
    void theManualHasTheTableOfTheCode() throws IOException {
        String manual = Files.readString(Path.of("../docs/configure.md"));

        assertTrue(manual.contains(Manual.table()), () -> "docs/configure.md lacks this table:\n\n" + Manual.table());
    }

    @Test
    void everyDefaultIsAValueOfItsKey() {
        for (Key<?> key : Keys.ALL) {
            key.defaultText().ifPresent(text -> assertNotNull(key.type().read().apply(List.of(text)), key.name()));
        }
    }
}
