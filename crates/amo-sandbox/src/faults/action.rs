//! The table of faults: a word, what is carried out of the request, what the connection sees. No chance, no counting,
//! no bytes.

use serde::{Deserialize, Serialize};

use crate::switches::{RequestIds, Switches, Throttling};

/// The part of a request that is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultEffect {
    Nothing,
    All,
    /// The first half of a batch, rounded down; nothing where the batch would be refused.
    Half,
    /// All of it, some time after the response, whether or not the client is still connected.
    Later,
    /// All of it without one tag or one custom field of one item.
    DropValue,
}

/// What the connection sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultResponse {
    Truth,
    /// The true response, late.
    LateTruth,
    /// The true response in a form that the documents leave open.
    Odd(Oddity),
    Status(u16),
    /// A page of a proxy with this status; 200 is a login page.
    Page(u16),
    /// The previous response of the same route; the true one where there was none.
    Foreign,
    /// A 200 without a body.
    Empty,
    /// `None` for the form of the switch.
    Throttled(Option<Throttling>),
    /// A 400 that does not name the wrong items.
    Unnamed400,
    /// 401, and the token stays expired.
    Expired,
    /// A connection reset in place of a response.
    Reset,
    /// A connection reset before the body of the request is read.
    ResetBefore,
    /// The first half of the response.
    Cut,
    /// Nothing, as long as the client waits.
    Silence,
}

impl FaultResponse {
    pub fn is_true(self) -> bool {
        matches!(self, FaultResponse::Truth | FaultResponse::LateTruth | FaultResponse::Odd(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    RequestIdsMissing,
    RequestIdsInt,
    Shuffled,
    /// Both: another order, and no `request_id`.
    Nameless,
    /// The collection has an unknown key.
    OddKey,
    /// There are more pages, but no link to them.
    NextMissing,
    /// After the page is read its first record is deleted, so that the records after it move up.
    Shift,
}

impl Oddity {
    /// The switches for this response.
    pub fn switches(self, switches: &Switches) -> Switches {
        let mut odd = switches.clone();
        match self {
            Oddity::RequestIdsMissing => odd.request_ids = RequestIds::Missing,
            Oddity::RequestIdsInt => odd.request_ids = RequestIds::Index,
            Oddity::Shuffled => odd.shuffled = true,
            Oddity::Nameless => {
                odd.request_ids = RequestIds::Missing;
                odd.shuffled = true;
            }
            // These change the response after it is made.
            Oddity::OddKey | Oddity::NextMissing | Oddity::Shift => {}
        }
        odd
    }
}

/// Statuses from 400 to 599 are words as well; with `-html`, 200 and those from 300 on are pages of a proxy; `-after`
/// behind a word that does nothing carries the request out first.
const WORDS: &[(&str, FaultEffect, FaultResponse)] = &[
    ("429-html", FaultEffect::Nothing, FaultResponse::Throttled(Some(Throttling::Html))),
    ("429-header", FaultEffect::Nothing, FaultResponse::Throttled(Some(Throttling::Header))),
    ("429-json", FaultEffect::Nothing, FaultResponse::Throttled(Some(Throttling::Json))),
    ("unnamed-400", FaultEffect::Nothing, FaultResponse::Unnamed400),
    ("token-expired", FaultEffect::Nothing, FaultResponse::Expired),
    ("reset-before", FaultEffect::Nothing, FaultResponse::ResetBefore),
    ("reset", FaultEffect::Nothing, FaultResponse::Reset),
    ("hang", FaultEffect::Nothing, FaultResponse::Silence),
    ("cut", FaultEffect::All, FaultResponse::Cut),
    ("empty", FaultEffect::All, FaultResponse::Empty),
    ("foreign", FaultEffect::All, FaultResponse::Foreign),
    // The gateway timed out and the service did not: more likely than that nothing was done. [inferred]
    ("504", FaultEffect::All, FaultResponse::Status(504)),
    ("504-after", FaultEffect::All, FaultResponse::Status(504)),
    ("504-before", FaultEffect::Nothing, FaultResponse::Status(504)),
    ("half", FaultEffect::Half, FaultResponse::Status(504)),
    ("commit-late", FaultEffect::Later, FaultResponse::Status(504)),
    ("slow", FaultEffect::All, FaultResponse::Truth),
    ("late", FaultEffect::All, FaultResponse::LateTruth),
    ("drop-values", FaultEffect::DropValue, FaultResponse::Truth),
    ("request-ids-missing", FaultEffect::All, FaultResponse::Odd(Oddity::RequestIdsMissing)),
    ("request-ids-int", FaultEffect::All, FaultResponse::Odd(Oddity::RequestIdsInt)),
    ("shuffled", FaultEffect::All, FaultResponse::Odd(Oddity::Shuffled)),
    ("nameless", FaultEffect::All, FaultResponse::Odd(Oddity::Nameless)),
    ("odd-key", FaultEffect::All, FaultResponse::Odd(Oddity::OddKey)),
    ("next-missing", FaultEffect::All, FaultResponse::Odd(Oddity::NextMissing)),
    ("shift", FaultEffect::All, FaultResponse::Odd(Oddity::Shift)),
];

/// A word of the table, or a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ActionText", into = "String")]
pub struct FaultAction {
    word: String,
    pub effect: FaultEffect,
    pub response: FaultResponse,
}

/// `"504"` and `504` are the same word.
#[derive(Deserialize)]
#[serde(untagged)]
enum ActionText {
    Text(String),
    Number(u16),
}

impl FaultAction {
    pub fn word(&self) -> &str {
        &self.word
    }

    fn find(word: &str) -> Option<(FaultEffect, FaultResponse)> {
        if let Some((_, effect, response)) = WORDS.iter().find(|(known, ..)| *known == word) {
            return Some((*effect, *response));
        }
        match word.parse() {
            Ok(429) => Some((FaultEffect::Nothing, FaultResponse::Throttled(None))),
            Ok(status @ 400..=599) => Some((FaultEffect::Nothing, FaultResponse::Status(status))),
            Ok(_) => None,
            Err(_) if page_status(word).is_some() => {
                Some((FaultEffect::Nothing, FaultResponse::Page(page_status(word)?)))
            }
            Err(_) if word.ends_with("-before-after") => None,
            Err(_) => match FaultAction::find(word.strip_suffix("-after")?)? {
                (FaultEffect::Nothing, response) => Some((FaultEffect::All, response)),
                (FaultEffect::All | FaultEffect::Half | FaultEffect::Later | FaultEffect::DropValue, _) => None,
            },
        }
    }
}

fn page_status(word: &str) -> Option<u16> {
    word.strip_suffix("-html")?.parse().ok().filter(|status| matches!(status, 200 | 300..=599))
}

impl TryFrom<ActionText> for FaultAction {
    type Error = String;

    fn try_from(word: ActionText) -> Result<FaultAction, String> {
        let word = match word {
            ActionText::Text(text) => text,
            ActionText::Number(number) => number.to_string(),
        };
        match FaultAction::find(&word) {
            Some((effect, response)) => Ok(FaultAction { word, effect, response }),
            None => {
                let known: Vec<&str> = WORDS.iter().map(|(known, ..)| *known).collect();
                Err(format!("\"{word}\" is neither a status from 400 to 599 nor one of {}", known.join(", ")))
            }
        }
    }
}

impl From<&str> for FaultAction {
    /// Accepts words of the table only; a test checks those that are used.
    fn from(word: &str) -> FaultAction {
        let (effect, response) = FaultAction::find(word).unwrap_or((FaultEffect::Nothing, FaultResponse::Status(500)));
        FaultAction { word: word.to_owned(), effect, response }
    }
}

impl From<FaultAction> for String {
    fn from(action: FaultAction) -> String {
        action.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_an_effect_and_a_response() {
        for (word, wanted) in [
            ("504", Some((FaultEffect::All, FaultResponse::Status(504)))),
            ("504-before", Some((FaultEffect::Nothing, FaultResponse::Status(504)))),
            ("502", Some((FaultEffect::Nothing, FaultResponse::Status(502)))),
            ("502-before", None),
            ("504-before-after", None),
            ("504-after", Some((FaultEffect::All, FaultResponse::Status(504)))),
            ("429", Some((FaultEffect::Nothing, FaultResponse::Throttled(None)))),
            ("reset-after", Some((FaultEffect::All, FaultResponse::Reset))),
            ("hang-after", Some((FaultEffect::All, FaultResponse::Silence))),
            ("half", Some((FaultEffect::Half, FaultResponse::Status(504)))),
            ("cut", Some((FaultEffect::All, FaultResponse::Cut))),
            ("409-html", Some((FaultEffect::Nothing, FaultResponse::Page(409)))),
            ("308-html-after", Some((FaultEffect::All, FaultResponse::Page(308)))),
            ("200-html", Some((FaultEffect::Nothing, FaultResponse::Page(200)))),
            ("200-html-after", Some((FaultEffect::All, FaultResponse::Page(200)))),
            ("204-html", None),
            ("empty", Some((FaultEffect::All, FaultResponse::Empty))),
            ("cut-after", None),
            ("half-after", None),
            ("reset-before-after", None),
            ("504-after-after", None),
            ("200", None),
            ("dance", None),
        ] {
            assert_eq!(FaultAction::find(word), wanted, "{word}");
        }
    }
}
