use super::ProblemClass::{Note, Row, Warning};
use super::{ProblemArea, error, note};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "Reading a source",
    met_in: "peek, check, import, resume",
    codes: &[
        error(
            "cell-too-long",
            "a cell is longer than can be read",
            "shorten it, or check the delimiter and the quotes",
        ),
        note(
            "cells-beyond-header",
            "rows have cells beyond the last title; a record is not made of such a row",
            "put a cell that holds the delimiter between quotes, or give the column a title",
        )
        .or(Row),
        error(
            "damaged-workbook",
            "the workbook is damaged or broken off",
            "open it in Excel or LibreOffice and save it, or copy or download it again",
        ),
        error("delimiter", "the sign given as the delimiter cannot be one", "give one of `;` `,` `|` or a tab"),
        error("empty-file", "the file or the sheet is empty", "choose a file with a header row and rows under it"),
        error(
            "encoding",
            "bytes of the file do not fit its encoding",
            "save the file as UTF-8, or name its encoding with `--encoding`",
        ),
        note(
            "encoding-differs",
            "the file looks like another encoding than the one given, which is used all the same",
            "look at the letters with `amoport peek`",
        ),
        note(
            "encoding-marked",
            "the file begins with the mark of an encoding, which wins over the one given",
            "leave `--encoding` out",
        ),
        error(
            "encoding-unclear",
            "several encodings may be meant, or the text was garbled before it came here",
            "name the right one with `--encoding`, or save the file as UTF-8",
        )
        .or(Warning),
        error("encrypted", "the workbook is protected by a password", "remove the password in Excel and save the file"),
        error("file-too-big", "the file holds more than can be read", "split it, or save it as `.xlsx` or `.csv`"),
        note(
            "formula-without-result",
            "formulas were never calculated, so their cells have no value",
            "open the file in Excel or LibreOffice and save it",
        )
        .or(Row),
        error(
            "header-row",
            "the header row that is given is blank or not there, or none is given where columns are named by letter alone",
            "give the number of the row, or 0 for none, with `--header-row` or `header-row` under `[source]`",
        ),
        error(
            "hidden-rows",
            "the sheet hides rows, and nothing says whether they are meant; as a note, how many were read or left out",
            "say `import` or `skip` with `--hidden-rows` or under `[source]`",
        )
        .or(Note),
        error("html-file", "the file is a web page, often saved as `.xls`", "open it in Excel and save it as `.xlsx`"),
        note(
            "merged-cells",
            "cells are merged over several rows, and each of the rows has their value",
            "check that each of these rows is meant to have it",
        ),
        note("no-sheets", "a sheet is named and the source is a CSV, which has none", "leave the sheet out"),
        error("no-such-file", "there is no such file", "check the name and the folder you are in"),
        error(
            "no-such-sheet",
            "the workbook has no such sheet, or it holds no cells",
            "name one of those in the message",
        ),
        error(
            "not-a-table",
            "the file is neither a CSV nor a workbook",
            "choose a CSV file or a workbook, or save this one as such",
        ),
        note(
            "reads-pipe",
            "the source is a pipe or a device, which is read to its end",
            "stop the command if nobody writes to it",
        ),
        error(
            "row-too-long",
            "a row is longer than can be read",
            "check the delimiter and the line ends, or shorten its cells",
        ),
        error(
            "several-sheets",
            "several sheets have the columns of the mapping",
            "say which with `--sheet`, or `sheet` under `[source]`",
        ),
        note(
            "sheet-unreadable",
            "another sheet of the workbook cannot be read",
            "repair the workbook if that sheet is meant",
        ),
        note("short-rows", "rows have fewer cells than the header", "check that these rows are whole"),
        error("too-many-columns", "a row has more cells than can be read", "check the delimiter and the line ends"),
        error("unclosed-quote", "a cell opens with a quote that never closes", "delete that quote, or close it"),
        error(
            "unknown-encoding",
            "the encoding given is not known, or cannot be read",
            "name one of those in the message, or save the file as UTF-8",
        ),
        error("unreadable", "the source cannot be read to its end", "check the path and the disk"),
        error(
            "unreadable-file",
            "the system does not let the file be read",
            "close it in other programs, ask for the right to read it, or name a file instead of a folder",
        ),
    ],
};
