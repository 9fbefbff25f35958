use super::{ProblemArea, error};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "The sandbox",
    met_in: "sandbox, and every command with --sandbox",
    codes: &[
        error(
            "faults",
            "the faults given cannot be used",
            "write them as for `/_sandbox/faults`; docs/sandbox.md has them",
        )
        .in_commands("sandbox"),
        error(
            "no-sandbox",
            "this amoport is built without its sandbox",
            "build it with the feature `sandbox`, or name an account with `--account`",
        ),
        error(
            "sandbox-busy",
            "another process uses the world of this state folder",
            "stop that process, or use another state folder",
        ),
        error(
            "sandbox-elsewhere",
            "the state folder announces a sandbox that is not on this machine",
            "remove that file, or use another state folder",
        ),
        error(
            "sandbox-like",
            "the world that is there was begun otherwise than `--like` says",
            "leave `--like` out, remove the folder, or use another",
        ),
        error("sandbox-port", "the sandbox cannot listen at this port", "use `--port 0` for any free one"),
        error(
            "sandbox-start",
            "the system gives the sandbox no threads or no random bytes",
            "free memory, and try again",
        ),
        error(
            "sandbox-state",
            "a file of the sandbox cannot be read or written",
            "see that the folder exists and may be written",
        ),
        error(
            "sandbox-world",
            "the file of the world is damaged, or of another version",
            "remove it to begin a new world",
        ),
        error(
            "token-file",
            "the file with the token of the sandbox cannot be used",
            "write the token alone into it, on one line",
        )
        .in_commands("sandbox"),
    ],
};
