package io.walrelay.proxy.http;

import io.walrelay.proxy.config.Configuration;
import java.util.List;

/**
 * The answer of {@code POST /api/v1/reload}: names of keys whose value had changed.
 *
 * @param takenUp hold now; certificates are read again whether their keys changed or not
 * @param needRestart hold from the next start on
 */
public record ReloadReport(List<String> takenUp, List<String> needRestart) {

    static ReloadReport of(Configuration.Difference difference) {
        return new ReloadReport(difference.takenUp(), difference.needRestart());
    }
}
