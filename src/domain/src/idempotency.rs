//! Idempotency keys: the name a client gives to one request, however often it is sent.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::Invalid;

/// The header's name, to which faults point.
const HEADER: &str = "Idempotency-Key";

const MAX_LENGTH: usize = 255;

/// A client's name for a request: 1 to 255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header's value: a quoted string (RFC 8941, 3.3.3), as the draft has it, or the same
    /// characters bare, as many clients send them, if they need no quotes.
    ///
    /// # Errors
    /// It is neither, is empty or too long.
    pub fn parse(header: &str) -> Result<Self, Invalid> {
        let header = header.trim_matches([' ', '\t']);
        let key = match header.strip_prefix('"') {
            Some(rest) => unquoted(rest),
            None => header.chars().all(needs_no_quotes).then(|| header.to_owned()),
        };
        key.filter(|key| (1..=MAX_LENGTH).contains(&key.len())).map(Self).ok_or_else(Self::malformed)
    }

    /// What a request is told whose header isn't exactly one key.
    pub fn malformed() -> Invalid {
        Invalid::new(
            HEADER,
            format!("must be one key of 1 to {MAX_LENGTH} characters, best in double quotes"),
        )
    }

    /// What a request is told whose key stands for another one.
    pub fn reused() -> Invalid {
        Invalid::new(HEADER, "was used for another request; a new request needs a new key")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for IdempotencyKey {
    fn schema_name() -> Cow<'static, str> {
        "IdempotencyKey".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let quoted = r#""([ !#-\[\]-~]|\\["\\])"#;
        let bare = r"[!#-+\--:<-\[\]-~]";
        let pattern = format!("^({quoted}{{1,{MAX_LENGTH}}}\"|{bare}{{1,{MAX_LENGTH}}})$");
        json_schema!({ "type": "string", "pattern": pattern })
    }
}

/// The content of a quoted string after its opening quote; the closing one must be the last character.
fn unquoted(rest: &str) -> Option<String> {
    let mut key = String::with_capacity(rest.len());
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(key),
            '\\' => key.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            c if c == ' ' || c.is_ascii_graphic() => key.push(c),
            _ => return None,
        }
    }
}

/// Commas separate keys, semicolons begin parameters, and there is nothing to escape outside quotes.
fn needs_no_quotes(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\\' | ',' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(header: &str) -> Option<String> {
        IdempotencyKey::parse(header).ok().map(|key| key.0)
    }

    #[test]
    fn quoted_and_bare_are_the_same_key() {
        for (header, expected) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (" a/b+c== ", "a/b+c=="),
            (r#""a \"b\" \\ c, d; e""#, r#"a "b" \ c, d; e"#),
        ] {
            assert_eq!(key(header).as_deref(), Some(expected), "{header}");
        }
        assert_eq!(key(&"k".repeat(255)), Some("k".repeat(255)));
        // Escapes don't count.
        assert_eq!(key(&format!("\"{}\"", r"\\".repeat(255))), Some(r"\".repeat(255)));
    }

    #[test]
    fn what_is_not_exactly_one_key_is_refused() {
        let too_long = ["k".repeat(256), format!("\"{}\"", "k".repeat(256))];
        let wrong = [
            "",
            " ",
            "\"\"",
            "\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\";p=1",
            "a;p=1",
            "a,b",
            "\"a\", \"b\"",
            "a b",
            r#""\a""#,
            r#""a\""#,
            "é",
            "\"é\"",
            "\"a\tb\"",
            "a\u{7f}",
        ];
        for header in wrong.into_iter().chain(too_long.iter().map(String::as_str)) {
            assert_eq!(IdempotencyKey::parse(header), Err(IdempotencyKey::malformed()), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn every_printable_key_can_be_quoted(text in "[ -~]{1,255}") {
            let header = format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#));
            prop_assert_eq!(key(&header), Some(text));
        }

        #[test]
        fn no_header_makes_a_wrong_key(header in r#"[ -~\tü]{0,260}|"[ -~\tü]{0,260}""#) {
            if let Some(key) = key(&header) {
                prop_assert!((1..=255).contains(&key.len()));
                prop_assert!(key.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            }
        }
    }
}
