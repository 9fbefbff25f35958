//! A message for a person, stored as a template and its arguments. So a stored problem can be rendered in other
//! words, and code that groups or counts problems need not parse sentences. `Display` is the only renderer.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Characters shown of a quoted value, so that one cell cannot fill the screen.
const QUOTED_CHARS_MAX: usize = 60;

/// A template with named placeholders, `{value} is not a number`, and their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SavedMessage")]
pub struct Message {
    template: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<(Cow<'static, str>, Arg)>,
}

/// A message in JSON. Older versions stored the rendered sentence.
#[derive(Deserialize)]
#[serde(untagged)]
enum SavedMessage {
    Rendered(String),
    Template {
        template: String,
        #[serde(default)]
        args: Vec<(String, Arg)>,
    },
}

impl From<SavedMessage> for Message {
    fn from(saved: SavedMessage) -> Message {
        match saved {
            SavedMessage::Rendered(text) => Message::verbatim(text),
            SavedMessage::Template { template, args } => Message {
                template: template.into(),
                args: args.into_iter().map(|(name, arg)| (name.into(), arg)).collect(),
            },
        }
    }
}

/// The value of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arg {
    Text(String),
    /// A value as the person wrote it, shown in quotes.
    Quoted(String),
    Number(i64),
    /// Names of which one can be meant: `"a" or "b"`.
    Choices(Vec<String>),
    /// A list of names: `a, b`.
    List(Vec<String>),
    Message(Box<Message>),
}

/// Makes a `Message`: `message!("{count} rows of {file}", count, file = path.display())`. The compiler checks that
/// the placeholders and the names match.
#[macro_export]
macro_rules! message {
    ($template:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {{
        const _: () = assert!(
            $crate::problem::message::placeholders_match($template, &[$(stringify!($name)),*]),
            "the places of the template are not the names given"
        );
        $crate::problem::Message::new($template, vec![$((
            std::borrow::Cow::Borrowed(stringify!($name)),
            $crate::problem::Arg::from($crate::message!(@arg $name $(= $value)?)),
        )),*])
    }};
    (@arg $name:ident = $value:expr) => { $value };
    (@arg $name:ident) => { $name };
}

impl Message {
    /// Called by `message!`, which checks the arguments.
    #[doc(hidden)]
    pub fn new(template: &'static str, args: Vec<(Cow<'static, str>, Arg)>) -> Message {
        Message { template: Cow::Borrowed(template), args }
    }

    /// A finished sentence, from an older version or from the service.
    pub fn verbatim(text: impl Into<String>) -> Message {
        message!("{text}", text = text.into())
    }
}

/// A sentence without arguments.
impl From<&'static str> for Message {
    fn from(template: &'static str) -> Message {
        Message::new(template, Vec::new())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &*self.template;
        while let Some((before, name, after)) = next_placeholder(rest) {
            f.write_str(before)?;
            match self.args.iter().find(|(known, _)| *known == name) {
                Some((_, arg)) => write!(f, "{arg}")?,
                None => write!(f, "{{{name}}}")?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

/// The text before the next placeholder, its name, and the text after it. Other braces are text.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let name: &str = &text[open + 1..];
        let length = name.bytes().take_while(|byte| is_name_byte(*byte)).count();
        if length > 0 && name.as_bytes().get(length) == Some(&b'}') {
            return Some((&text[..open], &name[..length], &name[length + 1..]));
        }
        from = open + 1;
    }
    None
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit()
}

/// True if the placeholders of the template and the names are the same; for `message!`, at compile time.
#[doc(hidden)]
pub const fn placeholders_match(template: &str, names: &[&str]) -> bool {
    let text = template.as_bytes();
    let mut used = 0_u64;
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'{' {
            let mut end = at + 1;
            while end < text.len() && is_name_byte(text[end]) {
                end += 1;
            }
            if end > at + 1 && end < text.len() && text[end] == b'}' {
                match name_index(text, at + 1, end, names) {
                    Some(n) => used |= 1 << n,
                    None => return false,
                }
            }
        }
        at += 1;
    }
    used == (1_u64 << names.len()) - 1
}

const fn name_index(text: &[u8], from: usize, to: usize, names: &[&str]) -> Option<usize> {
    let mut n = 0;
    while n < names.len() {
        let name = names[n].as_bytes();
        let mut same = name.len() == to - from;
        let mut at = 0;
        while same && at < name.len() {
            same = name[at] == text[from + at];
            at += 1;
        }
        if same {
            return Some(n);
        }
        n += 1;
    }
    None
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Text(text) => f.write_str(text),
            Arg::Quoted(text) if text.chars().count() > QUOTED_CHARS_MAX => {
                let cut: String = text.chars().take(QUOTED_CHARS_MAX).collect();
                write!(f, "\"{cut}…\"")
            }
            Arg::Quoted(text) => write!(f, "\"{text}\""),
            Arg::Number(number) => write!(f, "{number}"),
            Arg::Choices(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                f.write_str(&quoted.join(" or "))
            }
            Arg::List(names) => f.write_str(&names.join(", ")),
            Arg::Message(message) => write!(f, "{message}"),
        }
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Arg {
        Arg::Text(text)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Arg {
        Arg::Text(text.to_owned())
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Arg {
        Arg::Text(text.clone())
    }
}

impl From<Cow<'_, str>> for Arg {
    fn from(text: Cow<'_, str>) -> Arg {
        Arg::Text(text.into_owned())
    }
}

impl From<char> for Arg {
    fn from(sign: char) -> Arg {
        Arg::Text(sign.to_string())
    }
}

impl From<std::path::Display<'_>> for Arg {
    fn from(path: std::path::Display<'_>) -> Arg {
        Arg::Text(path.to_string())
    }
}

impl From<Message> for Arg {
    fn from(message: Message) -> Arg {
        Arg::Message(Box::new(message))
    }
}

impl From<&Message> for Arg {
    fn from(message: &Message) -> Arg {
        Arg::from(message.clone())
    }
}

impl<S: AsRef<str>> From<&[S]> for Arg {
    fn from(names: &[S]) -> Arg {
        Arg::List(names.iter().map(|name| name.as_ref().to_owned()).collect())
    }
}

impl<S: AsRef<str>> From<Vec<S>> for Arg {
    fn from(names: Vec<S>) -> Arg {
        Arg::from(names.as_slice())
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {$(
        impl From<$kind> for Arg {
            fn from(number: $kind) -> Arg {
                // Counts and ids fit; a larger number is shown as text.
                i64::try_from(number).map_or_else(|_| Arg::Text(number.to_string()), Arg::Number)
            }
        }
    )*};
}
numbers!(i16 u16 u32 u64 usize i32 i64);

/// A value for a message: quoted, on one line, truncated if it is long.
pub fn quoted(value: &str) -> Arg {
    Arg::Quoted(value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTED_CHARS_MAX + 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_rendered_from_its_template_and_its_values() {
        let long = "я".repeat(70);
        for (message, text) in [
            (message!("nothing to fill"), "nothing to fill".to_owned()),
            (message!("{value} is {n} of {n}", value = quoted("a\nb"), n = 3_u32), "\"a b\" is 3 of 3".to_owned()),
            (message!("write {{ n }} or {} for {n}", n = "x"), "write {{ n }} or {} for x".to_owned()),
            (message!("{long}", long = quoted(&long)), format!("\"{}…\"", "я".repeat(60))),
            (message!("{what}; no", what = message!("{a} {a}", a = 'z')), "z z; no".to_owned()),
            (message!("{names}?", names = Arg::Choices(vec!["a".into(), "b".into()])), "\"a\" or \"b\"?".to_owned()),
            (message!("known: {known}", known = vec!["a", "b"]), "known: a, b".to_owned()),
            (Message::verbatim("as {it} was"), "as {it} was".to_owned()),
        ] {
            assert_eq!(message.to_string(), text);
            let saved = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&saved).unwrap(), message, "{saved}");
        }
    }

    #[test]
    fn a_sentence_kept_by_an_older_version_is_shown_as_it_is() {
        let saved: Message = serde_json::from_str(r#""\"x\" is no {id}""#).unwrap();
        assert_eq!(saved, Message::verbatim("\"x\" is no {id}"));
        assert_eq!(saved.to_string(), "\"x\" is no {id}");
        assert!(serde_json::from_str::<Message>("7").is_err());
    }

    #[test]
    fn a_template_fits_the_names_that_stand_in_it_and_no_others() {
        for (template, names, fitting) in [
            ("{a} and {b}", &["a", "b"][..], true),
            ("{a} and {b}", &["a"], false),
            ("{a}", &["a", "b"], false),
            ("{ab}", &["a"], false),
            ("{} {{ a }} { a}", &[], true),
            ("", &[], true),
        ] {
            assert_eq!(placeholders_match(template, names), fitting, "{template}");
        }
    }
}
