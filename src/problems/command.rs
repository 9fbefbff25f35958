use super::{ProblemArea, error};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "Commands, runs and folders",
    met_in: "any command",
    codes: &[
        error(
            "batch-size",
            "`--batch` is more than the service takes in one request for this kind",
            "give the maximum that the message names, or less",
        )
        .in_commands("import"),
        error("busy", "another run imports the same source into the same account", "wait until that run has ended")
            .in_commands("import, resume"),
        error(
            "fault",
            "an internal error of amoport; what was done is kept",
            "go on with `amoport resume`, and report the lines above it",
        ),
        error(
            "flags",
            "a flag that has no effect here, or two that contradict each other, are given",
            "leave one out, as the message says",
        )
        .in_commands("import, check"),
        error(
            "interrupted",
            "the command was stopped by a signal",
            "give the same command again, or go on with the line that it has printed",
        ),
        error("no-run", "no run has this name, or none can be gone on with", "look at the list of `amoport runs`")
            .in_commands("resume, report, runs"),
        error(
            "not-confirmed",
            "the command changes what cannot be undone, and nobody has confirmed it",
            "answer `y`, or add `--yes`",
        )
        .in_commands("import, account customers-mode"),
        error(
            "output-file",
            "a file that a command should write exists already and is another one, or its folder takes no files",
            "name another place, or move the file away",
        )
        .in_commands("mapping new, sample"),
        error(
            "report",
            "the report of a run cannot be written; the outcomes are safe in the store",
            "write it again with `amoport report`",
        )
        .in_commands("import, resume, report"),
        error(
            "run-ended",
            "the run has ended, so it can neither go on nor be given up",
            "look at its report, or write that again with `amoport report`",
        )
        .in_commands("resume, runs"),
        error(
            "runs-folder",
            "the folder of a run cannot be written to, or is not the run's own",
            "name another folder with `--runs`, or put the run's own folder back in its place",
        )
        .in_commands("import, resume, report, runs"),
        error("runtime", "the system gives no threads", "free memory or raise the limit of processes, and try again"),
        error("value", "the number given with a flag is out of its range", "give a number in the range of the message")
            .in_commands("import, check"),
    ],
};
