use super::{ProblemArea, error, note};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "Exports",
    met_in: "export",
    codes: &[
        error(
            "export-catalog",
            "the catalog is not given, not known, or not wanted for this kind",
            "name one with `--catalog`, or leave it out",
        ),
        error(
            "export-columns",
            "there is no such column, or JSON lines have none",
            "name one of those in the message, or leave `--columns` out",
        ),
        error(
            "export-csv",
            "a flag for CSV does not fit the file, its delimiter or the mapping",
            "leave it out, or give another sign",
        ),
        error(
            "export-file",
            "the file exists, names no format, or cannot be written",
            "name another file, or add `--force` to replace it",
        ),
        error("export-filter", "the filter is not one of this kind", "write it as in the message, or leave it out"),
        error(
            "export-linked",
            "nothing of this name is linked to the kind, or the format cannot show it",
            "name one of those in the message, or leave `--linked` out",
        ),
        error(
            "export-mapping",
            "the mapping does not fit the export",
            "export the kind that it makes, or name another mapping",
        ),
        note(
            "export-not-remembered",
            "the export is whole, and `--since last` will not know of it",
            "nothing; the next export reads more than it needs",
        ),
        error(
            "export-since",
            "the value of `--since` is not a valid date",
            "write it as in `2026-11-20` or `2026-11-20T10:00`, or `last`",
        ),
        note(
            "other-delimiter",
            "the mapping reads files with another delimiter than this one has",
            "import the file with the `--delimiter` of the message",
        ),
        note("since-last", "the export reads what has changed since the time of the message", "nothing"),
    ],
};
