use super::ProblemClass::Note;
use super::{ProblemArea, error, note, row, warning};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "The state folder, and what earlier runs have sent",
    met_in: "import, check, resume, report, runs",
    codes: &[
        error(
            "begun-elsewhere",
            "the run of an earlier version knows its files from the folder in which it began",
            "go on from that folder",
        )
        .in_commands("resume"),
        error(
            "changed",
            "the source, the mapping or the workbook has changed since the run began",
            "put the old file back to go on, or give the run up with `amoport runs --abandon RUN`",
        ),
        error(
            "copied-state",
            "the state folder is a copy of another, in which its runs can be gone on with as well",
            "go on there, or delete that one if this is to take its place",
        )
        .or(Note),
        note(
            "deleted-in-account",
            "records that earlier runs of this file have made are not in the account any more",
            "add `--remake-deleted` to make these anew, and no others",
        ),
        error(
            "imported-before",
            "this source was imported before, or a run of it has not ended",
            "go on with that run, change its records with an update, or add `--again` if all rows are new records",
        ),
        row(
            "key-known",
            "a record of this key was imported before, or sent without a known outcome",
            "leave the row out, or change the record with `action = \"update\"`",
        ),
        note(
            "new-delivery",
            "an earlier file of this path is not the same, so this one is taken for a new one",
            "check that its rows are not those of the earlier file, changed",
        ),
        note(
            "not-older",
            "`--older-state` was given, and the state folder knows all that was sent from it",
            "leave the flag out",
        ),
        error(
            "older-state",
            "the state folder knows less than was sent from it, as after restoring a backup",
            "put the newer folder back, or go on with `--older-state` as the message says",
        ),
        error(
            "other-account",
            "the run or the workbook belongs to another account than the one given",
            "name its own account, or leave `--account` out",
        )
        .in_commands("import, check, resume, runs"),
        error(
            "other-source",
            "the source has nothing in common with the one the run began with",
            "put the old source back, or give the run up with `amoport runs --abandon RUN`",
        )
        .in_commands("resume"),
        note("report-written", "the run had ended, and its report is written now", "nothing"),
        warning(
            "rows-gone",
            "rows that the run has not sent are not in the source any more, and stay unprocessed",
            "import them from where they are now, if they are meant",
        )
        .in_commands("resume"),
        note(
            "sends-not-kept",
            "what is sent cannot be kept outside of the state folder, so a restored backup will not be noticed",
            "make the user's own state folder writable",
        ),
        row(
            "sent-before",
            "an earlier run of this file has sent the row, so it is left out",
            "nothing; to change the record, use an update",
        )
        .or(Note),
        row(
            "sent-in-part",
            "an earlier run has sent some rows of this record, and others not",
            "add the others to the record in the account, or by an update",
        ),
        row(
            "sent-unknown",
            "an earlier run has sent the row, and nobody knows whether it arrived",
            "look for it in the account; if it is not there, empty its cell `_code` in `rejected.xlsx` and import that",
        ),
        warning(
            "source-changed",
            "the source has changed since the run began: that run is closed, and the rest goes in a new one",
            "nothing",
        )
        .in_commands("resume"),
        error(
            "source.columns-changed",
            "the file was imported with other columns, so nothing tells which rows are the same",
            "put the columns back, or add `--again` if all rows are new records",
        ),
        row(
            "source.row-changed",
            "the row may be one that an earlier run has sent, changed since",
            "look at the record; if the row is another, empty its cell `_code` in `rejected.xlsx` and import that",
        ),
        error(
            "state-damaged",
            "the store of the state folder is damaged",
            "restore a backup of its folder and add `--older-state`; another folder with `--state` knows nothing of earlier imports",
        ),
        error(
            "state-newer",
            "a newer amoport has written the state folder",
            "use the newer amoport, or another folder with `--state`",
        ),
        error(
            "state-unusable",
            "the state folder cannot be made, locked or written to",
            "name a folder on a local disk with `--state`",
        ),
        error(
            "store",
            "the store cannot be read or written",
            "check the disk and the state folder, then `amoport resume`",
        ),
        error(
            "unknown-column",
            "the source of the run has changed and no longer has a column of the mapping",
            "put the column back, or give the run up with `amoport runs --abandon RUN`",
        )
        .in_commands("resume"),
        warning(
            "went-back",
            "the state folder had gone back in time, and does not know what was sent in the time it has lost",
            "import files of that time with `--older-state`",
        ),
    ],
};
