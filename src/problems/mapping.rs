use super::ProblemClass::Row;
use super::{ProblemArea, error, note};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "The mapping",
    met_in: "check, import, resume, export --mapping",
    codes: &[
        error(
            "catalog-type",
            "the catalog is of another type than the kind needs, or is written by the service alone",
            "name another catalog, or use `kind = \"element\"`",
        ),
        error(
            "column-repeated",
            "several columns of the source have this title",
            "write `\"Title [1]\"` for the first and `\"Title [2]\"` for the second",
        ),
        note(
            "columns-not-read",
            "the mapping does not read these columns of the source",
            "add them to the mapping if they are meant",
        ),
        error(
            "conversion",
            "the field cannot be filled as `as` says",
            "leave `as` out: the type of the field decides",
        ),
        error(
            "curly-quotes",
            "a text stands between curly quotes, which word processors make",
            "write straight quotes",
        ),
        error("field-twice", "the mapping fills the same field twice", "fill it in one place, with a list where it takes several values"),
        error("field-type", "fields of this type cannot be written", "leave the field out of the mapping"),
        error(
            "id-and-fields",
            "a section has an id and other fields: what exists is linked, not changed",
            "leave out the id or the other fields",
        ),
        error("key-doubled", "a key stands twice in one table of the mapping", "keep one; several columns for one field are a list"),
        error(
            "layout",
            "a layout of dates is not one, or does not give a day, a month and a year",
            "write it as in `%d.%m.%Y %H:%M`",
        ),
        error("mapping-kind", "the mapping does not say its kind, or the kind does not know the action", "write `kind = \"…\"` with a kind of docs/mapping.md"),
        error(
            "mapping-shape",
            "a key of the mapping has a value of another form than it takes, or stands where it has no effect",
            "write it as the message says; docs/mapping.md has every key",
        ),
        error("mapping-syntax", "the file is not valid TOML or JSON", "correct the line that the message shows"),
        error("mapping-unreadable", "the file of the mapping cannot be read", "check the path given with `--mapping`"),
        error("mapping-version", "the mapping does not say its version, or says one that is not known", "begin it with `version = 1`"),
        error(
            "marker",
            "the marker does not fit: it needs a text field of its own, and records that are made",
            "name another field, or leave `marker` out",
        ),
        error("no-catalog", "the mapping names no catalog, or the account has none of the type", "add `catalog = \"…\"` with a catalog of the account"),
        error("no-category", "a section of unsorted leads does not say its category", "add `category = { value = \"forms\" }` or `\"sip\"`"),
        error("no-column", "the source has no column of this title", "correct the title; the message has the nearest ones"),
        error(
            "no-id",
            "nothing says which records to change: the mapping or the workbook has no column of ids, or the cell is empty",
            "add `id = \"…\"` or `key = \"…\"`, put the column back, or fill the cell",
        )
        .or(Row),
        error("no-mapping", "there is no mapping, or the workbook cannot be taken as its own", "name one with `--mapping`, or export the workbook again"),
        note(
            "no-marker",
            "the mapping names no marker, so records that look alike cannot be told apart after a lost answer",
            "add the line of the message to the mapping",
        ),
        error("no-required-field", "the mapping does not fill a field that the service asks for", "add the field that the message names"),
        error("source-is-mapping", "the file given as the source is a mapping", "give the source first, and the mapping with `-m`"),
        error("tags-twice", "`tags` and `all_tags` exclude each other", "keep one: `tags` adds tags, `all_tags` replaces them"),
        error(
            "template",
            "a template or a condition cannot be read, or fails on a row",
            "correct it as the message says; columns are written `row['Title']`",
        )
        .or(Row),
        error("timezone", "the time zone is not known", "write a name of the tz database, such as `Europe/Moscow`"),
        error("too-many-fields", "more custom fields are filled than the service takes", "leave some out and fill them by an update").or(Row),
        error("unknown-field", "the account has no such custom field", "correct the name; `amoport account show` lists the fields"),
        error(
            "unknown-key",
            "the mapping language has no such key here; of a row: no import from this state folder has made a record of this key",
            "correct the key; of a row: import that record first, with the same `key` and `--state`",
        )
        .or(Row),
        error(
            "unknown-name",
            "the account has nothing of this name, or several things of it",
            "correct the name or give its id; the message has the nearest ones",
        )
        .or(Row),
        error("unknown-option", "the field has no such option", "correct the text, or add the option in the CRM").or(Row),
        error("unknown-word", "the word is not one of those that are known here", "write one of those in the message").or(Row),
        error("values-file", "the file of a `values` table cannot be read", "give a CSV or a workbook with two columns: found, written"),
        note(
            "values-titles",
            "the first line of a `values` file seems to hold titles",
            "say `header = true` or `header = false` beside the file",
        ),
    ],
};
