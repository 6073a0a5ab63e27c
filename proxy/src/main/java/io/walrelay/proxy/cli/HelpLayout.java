package io.walrelay.proxy.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.UsageMessageSpec;

/** How every {@code --help} reads, as a page of a manual does: synopsis, description, arguments, options, exit status, examples. */
final class HelpLayout {

    /** Of a line; what the help of PostgreSQL's programs may have at most (Utils.pm, program_help_ok). */
    private static final int WIDTH = 95;

    private HelpLayout() {}

    /** To a command and all below it. */
    static void apply(CommandLine command) {
        UsageMessageSpec help = command.getCommandSpec().usageMessage();
        help.width(WIDTH)
                .descriptionHeading("%n")
                .parameterListHeading(command.getCommandSpec().positionalParameters().stream().allMatch(argument -> argument.hidden()) ? "" : "%nArguments:%n")
                .optionListHeading("%nOptions:%n")
                .commandListHeading("%nCommands:%n")
                .exitCodeListHeading("%nExit status:%n")
                .footerHeading("%nExamples:%n");
        if (help.exitCodeList().isEmpty()) {
            Map<String, String> statuses = new LinkedHashMap<>();
            statuses.put(String.valueOf(Main.OK), "It did what it says.");
            statuses.put(String.valueOf(Main.FAILURE), "It did not; standard error says why.");
            statuses.put(String.valueOf(Main.USAGE), "The command line or the configuration can't be understood.");
            help.exitCodeList(statuses);
        }
        command.getSubcommands().values().forEach(HelpLayout::apply);
    }
}
