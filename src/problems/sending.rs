use super::{ProblemArea, error, note, row, warning};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "Sending and reading back",
    met_in: "import, resume",
    codes: &[
        warning(
            "account-changed",
            "the account has changed since the run began, which may be why records were refused",
            "import the rejected rows again: every import reads the account anew",
        ),
        error(
            "claimed-twice",
            "one id was given to two records, so one of them is not known",
            "look at the card and at both rows, then `amoport resume`",
        ),
        note(
            "company-beside",
            "records have another company than their rows say, and both stay, since a link takes none away",
            "take the wrong company away in the CRM",
        ),
        row(
            "differs",
            "the account holds something else than was sent",
            "look at the card; an automation may have changed it",
        ),
        row("doubled", "the account holds the record twice", "look at both cards, and join or delete one in the CRM"),
        row(
            "dropped",
            "the service accepted the record and has not kept this value",
            "look at the card; an automation may have changed it",
        ),
        row(
            "link-refused",
            "the record is made, and the service refused its link",
            "link it by hand, or correct the cell for the next time",
        ),
        row(
            "link-unclear",
            "the record is made, and the service does not say whether it is linked",
            "look at the card, and link it by hand",
        ),
        row(
            "made-anew",
            "the record was made before and lies in the trash, so it was made again",
            "if it was deleted on purpose, delete the new one as well",
        ),
        row(
            "missing",
            "the record got an id, and the account does not show it",
            "look at the card; it may have been deleted or merged since",
        ),
        row(
            "not-found",
            "the account does not have the record, or the customer that it belongs to",
            "correct the id, or import the customer first",
        ),
        row(
            "not-linked",
            "the record is made and could not be linked, since its row says something else now",
            "link it by hand",
        ),
        row(
            "not-visible",
            "the token does not see the record: it may be deleted, or kept from the token's user",
            "correct the id, leave the row out, or use the token of an administrator",
        ),
        note(
            "over-budget",
            "more records would be rejected than `--max-errors` allows, so nothing is sent",
            "correct the rows, or raise `--max-errors`",
        ),
        warning(
            "read-back",
            "what was read back after the import differs from what was sent, or could not be read",
            "look at `problems.csv`; the import itself is done",
        ),
        row(
            "recalculated",
            "the service warns that it has counted the invoice anew",
            "look at the invoice and its lines",
        ),
        row(
            "refused",
            "the service refused the record and gave no code of its own",
            "correct the value that the message names, and import the row again",
        ),
        note(
            "resend-unknown",
            "records of unknown outcome are sent again, as was asked for",
            "look for doubles in the account afterwards",
        ),
        row(
            "still-there",
            "the record was deleted, and the account still shows it",
            "look again in a few minutes; lists lag behind",
        ),
        row(
            "total-differs",
            "the service counts another total of the invoice than its lines give",
            "look at the invoice and its lines",
        ),
        row(
            "unknown",
            "the record was sent, and nobody knows whether it arrived",
            "look for it in the account before importing it again",
        ),
        note(
            "values-replaced",
            "the update replaces values that the account has",
            "nothing, if this is meant; `overwrite = false` keeps them",
        ),
    ],
};
