//! Texts that people write for people.

use serde_json::Value;

use crate::Invalid;

/// The pattern of a text for people: no control characters but line breaks and tabs.
pub const TEXT: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

/// The pattern of such a text that isn't blank.
pub const WORDS: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f\s][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

/// A text for people that is required: as [`optional_text`], not blank.
///
/// # Errors
/// As [`optional_text`], and when there is nothing but space.
pub(crate) fn required_text(pointer: &str, value: &Value, max: usize) -> Result<String, Invalid> {
    let required = || Invalid::new(pointer, "is required and must not be blank");
    optional_text(pointer, value, max)?.ok_or_else(required)
}

/// An optional text for people: of at most `max` characters, trimmed, none when blank.
///
/// # Errors
/// It isn't a string, is too long or contains control characters other than line breaks and tabs.
pub fn optional_text(pointer: &str, value: &Value, max: usize) -> Result<Option<String>, Invalid> {
    let fault = |detail: String| Err(Invalid::new(pointer, detail));
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        _ => return fault("must be a string".to_owned()),
    };
    if text.chars().count() > max {
        return fault(format!("must have at most {max} characters"));
    }
    if !text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')) {
        return fault("must not contain control characters".to_owned());
    }
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
