//! Takes secrets out of answers: the service knows them as well, and may repeat them.

use memchr::memmem;
use secrecy::{ExposeSecret, SecretString};

/// What a secret is replaced by; valid inside a JSON string.
const REDACTED: &[u8] = b"(secret)";
/// Bytes. Anything shorter is not a secret of the service, and may be an ordinary word of an answer.
const LENGTH_MIN: usize = 8;

/// The secrets that a client has used so far.
#[derive(Debug, Default)]
pub struct Redactor {
    known: Vec<SecretString>,
}

impl Redactor {
    pub fn add(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        if text.len() >= LENGTH_MIN && !self.known.iter().any(|known| known.expose_secret() == text) {
            self.known.push(secret.clone());
        }
    }

    /// The answer without the secrets, also where its JSON writes a slash as `\/`.
    pub fn redact(&self, mut body: Vec<u8>) -> Vec<u8> {
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
    let mut out = Vec::with_capacity(body.len());
    for start in memmem::find_iter(body, secret) {
        out.extend_from_slice(&body[rest..start]);
        out.extend_from_slice(REDACTED);
        rest = start + secret.len();
    }
    out.extend_from_slice(&body[rest..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_taken_out_and_all_else_stays() {
        let mut redactor = Redactor::default();
        for secret in ["token/one==", "refresh-two", "refresh-two", "a"] {
            redactor.add(&SecretString::from(secret));
        }
        assert_eq!(redactor.known.len(), 2);
        for (body, redacted) in [
            ("", ""),
            ("a lead", "a lead"),
            (r#"{"detail":"token/one=="}"#, r#"{"detail":"(secret)"}"#),
            (r#"token\/one==refresh-two, refresh-tw"#, "(secret)(secret), refresh-tw"),
        ] {
            assert_eq!(redactor.redact(body.into()), redacted.as_bytes(), "{body}");
        }
    }
}
