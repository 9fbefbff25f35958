//! Secrets that the service knows as well, and may repeat in what it answers.

use memchr::memmem;
use secrecy::{ExposeSecret, SecretString};

/// Stands for a secret; good JSON within a text.
const HIDDEN: &[u8] = b"(secret)";
/// Anything shorter is no secret of the service, and may well be a word of its answers.
const SHORT: usize = 8;

/// The secrets that a client has used so far.
#[derive(Debug, Default)]
pub struct Hidden {
    known: Vec<SecretString>,
}

impl Hidden {
    pub fn learn(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        if text.len() >= SHORT && !self.known.iter().any(|known| known.expose_secret() == text) {
            self.known.push(secret.clone());
        }
    }

    /// The answer without them, also where its JSON writes a slash as `\/`.
    pub fn out_of(&self, mut body: Vec<u8>) -> Vec<u8> {
        for secret in &self.known {
            let plain = secret.expose_secret();
            let escaped = plain.replace('/', "\\/");
            for text in [plain, &escaped] {
                if memmem::find(&body, text.as_bytes()).is_some() {
                    body = without(&body, text.as_bytes());
                }
            }
        }
        body
    }
}

fn without(body: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut rest = 0;
    let mut told = Vec::with_capacity(body.len());
    for at in memmem::find_iter(body, secret) {
        told.extend_from_slice(&body[rest..at]);
        told.extend_from_slice(HIDDEN);
        rest = at + secret.len();
    }
    told.extend_from_slice(&body[rest..]);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_taken_out_and_all_else_stays() {
        let mut hidden = Hidden::default();
        for secret in ["token/one==", "refresh-two", "refresh-two", "a"] {
            hidden.learn(&SecretString::from(secret));
        }
        assert_eq!(hidden.known.len(), 2);
        for (body, told) in [
            ("", ""),
            ("a lead", "a lead"),
            (r#"{"detail":"token/one=="}"#, r#"{"detail":"(secret)"}"#),
            (r#"token\/one==refresh-two, refresh-tw"#, "(secret)(secret), refresh-tw"),
        ] {
            assert_eq!(hidden.out_of(body.into()), told.as_bytes(), "{body}");
        }
    }
}
