package io.walrelay.proxy.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code walrelay completion}: a script by which a shell completes our commands and options. */
@Command(
        name = "completion",
        description = "Print a script by which the shell completes commands, options and their values. It needs no relay, and no Java once it is there.",
        footer = {
            "  source <(walrelay completion bash)",
            "  walrelay completion bash >/etc/bash_completion.d/walrelay",
            "  source <(walrelay completion zsh)"
        })
final class CompletionCommand implements Callable<Integer> {

    /** Shells that can be told. */
    enum Shell {
        BASH,
        ZSH
    }

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Parameters(paramLabel = "bash|zsh", description = "Which shell.")
    private Shell shell = Shell.BASH;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        String script = AutoComplete.bash("walrelay", spec.root().commandLine());
        switch (shell) {
            case BASH -> out.print(script);
            // It is bash's, which zsh runs once it was told to; without its own system set up there is no compdef. An option that the script would set
            // is taken out: it changes how everybody's aliases complete, and ours needs it not.
            case ZSH -> out.print("autoload -Uz compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n"
                    + script.replace("  setopt COMPLETE_ALIASES\n", ""));
        }
        out.flush();
        return Main.OK;
    }
}
