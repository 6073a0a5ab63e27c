package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ByteRangeTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "bytes=0-0    | 0 1", "bytes=0-        | 0 100", "bytes=99-        | 99 1", "bytes=10-19 | 10 10", "bytes=90-1000 | 90 10",
        "bytes=-1     | 99 1", "bytes=-1000     | 0 100", "bytes=-0         | outside", "bytes=100-  | outside", "bytes=100-200 | outside",
        "bytes=-      | all", "bytes=5-4        | all", "bytes=0-1,3-4    | all", "lines=0-1   | all", "bytes=a-b | all", "bytes=0-99999999999999999999 | all",
    })
    void readsOneRange(String header, String expected) {
        String found = switch (ByteRange.parse(header, 100)) {
            case ByteRange.Asked.All() -> "all";
            case ByteRange.Asked.Outside() -> "outside";
            case ByteRange.Asked.Part(var range) -> range.from() + " " + range.length();
        };
        assertEquals(expected, found);
    }
}
