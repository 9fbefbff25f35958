use super::{ProblemArea, error, note, row, warning};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "Exported workbooks sent back",
    met_in: "import and check of a workbook that amoport export wrote",
    codes: &[
        row(
            "changed-meanwhile",
            "the cell was changed in the sheet and in the account since the export",
            "export again, or add `--force` to let the sheet win",
        ),
        warning(
            "column-gone",
            "a column of the export is not in the sheet, so its values stay as they are",
            "put the column back if it was edited",
        ),
        warning(
            "column-unknown",
            "the sheet has a column that the export did not have, which is ignored",
            "nothing; new columns are not sent",
        ),
        note("forced", "`--force` lets the sheet win where both sides were changed", "nothing, if this is meant"),
        row(
            "gone",
            "the record is not in the account any more",
            "leave the row out, or empty its ID cell to make it anew",
        ),
        row(
            "id-lost",
            "the row holds what a record was exported with, and its ID is in no row, so it would be made twice",
            "put the ID back, or add `--again` to make it all the same",
        ),
        warning(
            "left-alone",
            "records of the export are not in the sheet any more, and stay in the account",
            "delete them in the CRM if this is meant; `left-alone.csv` lists them",
        ),
        row(
            "new-row-unclear",
            "a row without an ID may be one that was made before, edited",
            "export again and edit what was made, or add `--again`",
        ),
        warning(
            "new-rows-wait",
            "the new rows are not made yet, since the changes did not all go through",
            "import the workbook again when this run has ended",
        ),
        row("no-name", "the row has neither an ID nor a name", "fill in the name of the new record, or empty the row"),
        warning(
            "not-carried-over",
            "columns cannot be carried over into another account",
            "fill them there by hand, or by a mapping",
        ),
        warning(
            "not-looked-at",
            "what the service has made of the sent values could not be read",
            "export again before you edit these records further",
        ),
        error(
            "nothing-sent",
            "the service stopped the command before anything was sent",
            "import the workbook again later",
        ),
        warning(
            "other-timezone",
            "the times of the workbook are those of another time zone than the account's",
            "check the times before the import",
        ),
        row(
            "put-back",
            "the cell shows what was exported, and this file has sent another value since",
            "add `--force` if the old value is meant, or save a copy under another name",
        ),
        warning("read-only-cells", "changed cells cannot be sent back and are ignored", "change them in the CRM"),
        note(
            "rows-decided",
            "how many rows are changed, new, in conflict, refused or deleted",
            "look at the numbers before the import",
        ),
        row(
            "unknown-id",
            "the ID is not one of this export",
            "empty the cell to make a new record, or take the row out",
        ),
    ],
};
