//! Texts that people write for people.

use serde_json::Value;

use crate::Invalid;

/// An optional text for people: trimmed, none when blank, of at most `max` characters.
///
/// # Errors
/// It isn't a string, is too long or contains control characters other than line breaks and tabs.
pub fn text(pointer: &str, value: &Value, max: usize) -> Result<Option<String>, Invalid> {
    let fault = |detail: String| Err(Invalid::new(pointer, detail));
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim(),
        _ => return fault("must be a string".to_owned()),
    };
    if text.chars().count() > max {
        return fault(format!("must have at most {max} characters"));
    }
    if !text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')) {
        return fault("must not contain control characters".to_owned());
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
