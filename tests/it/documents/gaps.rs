//! Why a documented field is not covered. A gap without a reason fails, and so does a reason without a gap.

use crate::documents::fields::Direction::{self, Request};

/// A column of the table of coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Mapping,
    Payload,
    Sandbox,
}

use Column::{Mapping, Payload};

/// One reason, and all it is the reason of.
#[derive(Debug)]
pub struct Gap {
    pub direction: Direction,
    /// `POST leads`; empty for any.
    pub endpoint: &'static str,
    pub fields: &'static [&'static str],
    pub columns: &'static [Column],
    pub why: &'static str,
}

const fn gap(
    direction: Direction,
    endpoint: &'static str,
    fields: &'static [&'static str],
    columns: &'static [Column],
    why: &'static str,
) -> Gap {
    Gap { direction, endpoint, fields, columns, why }
}

const BOTH: &[Column] = &[Mapping, Payload];

pub const GAPS: &[Gap] = &[
    gap(Request, "", &["request_id"], &[Mapping], "the number of the row, given by amoport"),
    gap(
        Request,
        "",
        &["tags_to_add[0][id]", "tags_to_delete[0][id]", "_embedded[tags][0][id]"],
        BOTH,
        "tags go by their names, which a spreadsheet has",
    ),
    gap(
        Request,
        "POST leads",
        &["_embedded[tags]", "_embedded[tags][0]"],
        BOTH,
        "`tags_to_add` says the same of a new lead, and both at once are not documented",
    ),
    gap(
        Request,
        "POST leads/complex",
        &["_embedded[tags]", "_embedded[tags][0]"],
        BOTH,
        "`tags_to_add` says the same of a new lead, and both at once are not documented",
    ),
    gap(Request, "POST leads", &["_embedded[contacts][0][is_main]"], &[Mapping], "always the first contact"),
    gap(Request, "", &["_embedded[source][type]"], &[Mapping], "always `widget`, the only one that is taken"),
    gap(Request, "PATCH customers/mode", &["mode", "is_enabled"], BOTH, "a setting of the account, not a record"),
];

impl Gap {
    pub fn is_about(&self, direction: Direction, endpoint: &str, field: &str, column: Column) -> bool {
        self.direction == direction
            && (self.endpoint.is_empty() || self.endpoint == endpoint)
            && self.fields.contains(&field)
            && self.columns.contains(&column)
    }
}
