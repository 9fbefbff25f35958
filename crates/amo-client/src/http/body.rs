//! The body of an answer, within bounds. What answers at an address is not trusted: a body is read up to a maximum size, and
//! its nesting and number of values are checked before it is parsed, since a tree of values takes many times its text.

use super::failure::Failure;
use super::transport::failure_of;
use tokio::sync::Semaphore;

/// Bytes, unpacked. The largest page of 250 records that was seen has 3 MB. [measured]
const BODY_MAX: usize = 64 << 20;
/// Bytes. Longer bodies are read one at a time, because two dozen requests may be in flight.
const SHORT_MAX: usize = 4 << 20;
/// Items of one of the outer lists of a body; a page has 250. [seed]
const ITEMS_MAX: usize = 10_000;
/// How deep a list of items lies: `{"_embedded":{"leads":[`.
const PAGE_DEPTH: usize = 3;
/// Values of a whole body. A body of 64 MB as the service writes them has no more.
const VALUES_MAX: usize = 2_000_000;
/// serde_json stops at 128, and must be able to read everything that passes.
const DEPTH_MAX: usize = 100;

/// Reads the bodies of one client.
pub(super) struct BodyReader {
    long: Semaphore,
}

impl Default for BodyReader {
    fn default() -> BodyReader {
        BodyReader { long: Semaphore::new(1) }
    }
}

impl BodyReader {
    /// The whole body, whatever the status of the answer.
    pub(super) async fn read(&self, mut answer: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let (mut body, mut permit) = (Vec::new(), None);
        while let Some(chunk) = answer.chunk().await.map_err(failure_of)? {
            let length = body.len() + chunk.len();
            if length > BODY_MAX {
                return Err(Failure::Excessive("it is larger than 64 MB".to_owned()));
            }
            if length > SHORT_MAX && permit.is_none() {
                permit = self.long.acquire().await.ok();
            }
            // Doubling would take twice the memory of a long body.
            if length > SHORT_MAX && body.capacity() < length {
                body.reserve_exact(chunk.len().max(SHORT_MAX));
            }
            body.extend_from_slice(&chunk);
        }
        match excess(&body) {
            Some(excess) => Err(Failure::Excessive(excess.to_owned())),
            None => Ok(body),
        }
    }
}

/// The bound that a text which begins like JSON exceeds, as a sentence. Whether it is valid JSON is not checked here.
fn excess(body: &[u8]) -> Option<&'static str> {
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    let (mut depth, mut values, mut items) = (0_usize, 0, [0; PAGE_DEPTH + 1]);
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                (depth, values) = (depth + 1, values + 1);
                if let Some(items) = items.get_mut(depth) {
                    *items = 1;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => {
                values += 1;
                if let Some(items) = items.get_mut(depth) {
                    *items += 1;
                }
            }
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Some("it is nested more than 100 deep");
        }
        if items.get(depth).is_some_and(|items| *items > ITEMS_MAX) {
            return Some("it contains a list of more than 10,000 items");
        }
        if values > VALUES_MAX {
            return Some("it contains more than 2,000,000 values");
        }
    }
    None
}

/// Moves on past the closing quote.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_beyond_a_bound_are_refused() {
        let (deep, list, values) = (
            Some("it is nested more than 100 deep"),
            Some("it contains a list of more than 10,000 items"),
            Some("it contains more than 2,000,000 values"),
        );
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        let page = |list: &str| format!(r#"{{"_links":{{}},"_embedded":{{"leads":{list}}}}}"#);
        for (body, found) in [
            (String::new(), None),
            ("<html>".to_owned() + &"[".repeat(1_000), None),
            (nested(DEPTH_MAX), None),
            (nested(DEPTH_MAX + 1), deep),
            (" \n".to_owned() + &"[".repeat(200_000), deep),
            (many(ITEMS_MAX), None),
            (many(ITEMS_MAX + 1), list),
            (page(&many(ITEMS_MAX)), None),
            (page(&many(ITEMS_MAX + 1)), list),
            // The options of a field may be many.
            (page(&format!(r#"[{{"enums":{}}}]"#, many(ITEMS_MAX + 1))), None),
            (page(&format!("[{}]", vec![many(ITEMS_MAX / 2); 300].join(","))), None),
            (page(&format!("[{}]", vec![many(ITEMS_MAX / 2); 500].join(","))), values),
            // Brackets and commas inside strings do not count.
            (format!(r#"{{"a":"{}\"{}","b":"\\"}}"#, "[".repeat(200), ",".repeat(20_000)), None),
            (r#"{"a":"\"#.to_owned(), None),
            ("]]]]}}".to_owned(), None),
            ("{]]]],,".to_owned(), None),
        ] {
            assert_eq!(excess(body.as_bytes()), found, "{}", &body[..body.len().min(80)]);
        }
    }
}
