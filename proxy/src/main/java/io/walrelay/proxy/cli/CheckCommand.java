package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.servers.SqlTarget;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code walrelay check}: whether the relay would work with these settings against these servers. Collect, judge, print. */
@Command(
        name = "check",
        description = "Look at the servers and at the data directory: would the relay work? Changes nothing.",
        exitCodeList = {
            "0:Nothing failed; there may be warnings.",
            "1:Something failed, and is named.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {
            "  walrelay check --upstream \"host=pg1,pg2 user=walrelay\" --data /var/lib/walrelay",
            "  walrelay check -c /etc/walrelay.yaml --format json"
        })
final class CheckCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final SettingsOptions options = new SettingsOptions();

    @Mixin
    private final FormatOption format = new FormatOption();

    @Override
    public Integer call() throws InvalidSettingsException, IOException {
        Settings settings = options.conclude();
        CheckFacts facts = Collector.collect(SqlTarget.of(settings.upstream().conninfo(), "walrelay check"), settings.upstream().slot(), settings.data());
        List<Finding> findings = Judge.judge(facts, settings);
        print(findings);
        return findings.stream().anyMatch(finding -> finding.level() == Finding.Level.FAIL) ? Main.FAILURE : Main.OK;
    }

    private void print(List<Finding> findings) {
        PrintWriter out = spec.commandLine().getOut();
        switch (format.get()) {
            case TEXT -> findings.forEach(out::println);
            case JSON -> out.println(JsonMapper.shared().writeValueAsString(findings.stream().map(CheckCommand::fields).toList()));
        }
        out.flush();
    }

    private static Map<String, String> fields(Finding finding) {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("level", finding.level().name().toLowerCase(Locale.ROOT));
        fields.put("what", finding.what());
        fields.put("found", finding.found());
        fields.put("expected", finding.expected());
        finding.hint().ifPresent(hint -> fields.put("hint", hint));
        return fields;
    }
}
