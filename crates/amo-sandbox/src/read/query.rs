//! Query strings as PHP reads them: `filter[id][]=1` is a path of keys and a value. No filter is known by name here.

/// The pairs of a query, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(Vec<String>, String)>,
}

impl Query {
    pub fn parse(text: &str) -> Query {
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (key_path(&decode(key)), decode(value))
            })
            .collect();
        Query { pairs }
    }

    /// The last value of a plain key, as in PHP.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.at(&[key])
    }

    pub fn at(&self, path: &[&str]) -> Option<&str> {
        self.pairs.iter().rev().find(|(p, _)| p == path).map(|(_, v)| v.as_str())
    }

    /// `filter[id]=1`, `filter[id][]=1` and `filter[id][0]=1` are the same.
    pub fn list(&self, path: &[&str]) -> Vec<&str> {
        self.pairs
            .iter()
            .filter(|(p, _)| p.starts_with_all(path) && p.len() <= path.len() + 1)
            .filter(|(p, _)| p.get(path.len()).is_none_or(|last| last.chars().all(|c| c.is_ascii_digit())))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    /// The keys below `path`, each once, in order.
    pub fn keys(&self, path: &[&str]) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for (p, _) in self.pairs.iter().filter(|(p, _)| p.starts_with_all(path)) {
            match p.get(path.len()) {
                Some(key) if !keys.contains(&key.as_str()) => keys.push(key),
                _ => {}
            }
        }
        keys
    }

    /// True where the comma list `with` has the word.
    pub fn with(&self, word: &str) -> bool {
        self.get("with").is_some_and(|with| with.split(',').any(|w| w.trim() == word))
    }

    /// The query with a plain key where it has none.
    pub fn with_default(&self, key: &str, value: &str) -> Query {
        if self.get(key).is_none() { self.with_value(key, value) } else { self.clone() }
    }

    /// The query with a plain key set.
    pub fn with_value(&self, key: &str, value: &str) -> Query {
        let mut query = self.clone();
        query.pairs.retain(|(path, _)| path != &[key]);
        query.pairs.push((vec![key.to_owned()], value.to_owned()));
        query
    }

    /// The query for another page, without the `?`.
    pub fn for_page(&self, page: u64, limit: usize) -> String {
        let mut text = String::new();
        for (path, value) in self.pairs.iter().filter(|(p, _)| p != &["page"] && p != &["limit"]) {
            encode(&path[0], &mut text);
            for key in &path[1..] {
                text.push_str("%5B");
                encode(key, &mut text);
                text.push_str("%5D");
            }
            text.push('=');
            encode(value, &mut text);
            text.push('&');
        }
        text.push_str(&format!("limit={limit}&page={page}"));
        text
    }
}

trait StartsWithAll {
    fn starts_with_all(&self, path: &[&str]) -> bool;
}

impl StartsWithAll for Vec<String> {
    fn starts_with_all(&self, path: &[&str]) -> bool {
        self.len() >= path.len() && self.iter().zip(path).all(|(a, b)| a == b)
    }
}

/// `a[b][]` is `["a", "b", ""]`; an unclosed bracket is part of the name. Never empty.
fn key_path(key: &str) -> Vec<String> {
    let Some((head, mut rest)) = key.split_once('[') else { return vec![key.to_owned()] };
    let mut path = vec![head.to_owned()];
    loop {
        let Some((inner, tail)) = rest.split_once(']') else { return vec![key.to_owned()] };
        path.push(inner.to_owned());
        match tail.strip_prefix('[') {
            Some(next) => rest = next,
            None => return path,
        }
    }
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        let hex = (byte == b'%').then(|| bytes.get(i + 1..i + 3)).flatten();
        match hex.and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                i += 3;
            }
            None => {
                out.push(if byte == b'+' { b' ' } else { byte });
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_list_are_equal() {
        for text in ["filter[id][]=1&filter[id][]=2", "filter%5Bid%5D[0]=1&filter[id][7]=2"] {
            assert_eq!(Query::parse(text).list(&["filter", "id"]), ["1", "2"], "{text}");
        }
        assert_eq!(Query::parse("filter[id]=1").list(&["filter", "id"]), ["1"]);
        assert_eq!(Query::parse("filter[created_at][from]=1").list(&["filter", "created_at"]), Vec::<&str>::new());
    }

    #[test]
    fn malformed_queries_are_parsed() {
        for text in ["", "&&", "=", "a[=1", "a]=1", "%", "%zz=%f", "[]=1", "a[b]c=1", "a[b"] {
            let query = Query::parse(text);
            let _ = query.for_page(1, 50);
            let _ = query.keys(&["a"]);
        }
    }

    #[test]
    fn the_query_of_another_page_keeps_all_other_keys() {
        let query = Query::parse("filter[id][]=1&page=2&limit=9&query=%D0%B0+%26");
        assert_eq!(query.for_page(3, 9), "filter%5Bid%5D%5B%5D=1&query=%D0%B0%20%26&limit=9&page=3");
        assert_eq!(query.get("query"), Some("а &"));
    }
}
