//! What a customer thinks of an order.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde_json::Value;

use crate::{
    Invalid, both, json_integer,
    text::{TEXT, optional_text},
};

const STARS: RangeInclusive<u8> = 1..=5;
const MAX_COMMENT: usize = 2_000;

/// One to five stars, and perhaps a few words.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "FeedbackCreate")]
pub struct Rating {
    #[schemars(rename = "rating", range(min = *STARS.start(), max = *STARS.end()))]
    pub stars: u8,
    #[schemars(length(max = MAX_COMMENT), regex(pattern = TEXT))]
    pub comment: Option<String>,
}

impl Rating {
    /// Reads `rating` and `comment` of a request.
    ///
    /// # Errors
    /// Each wrong field, by its pointer.
    pub fn parse(body: &Value) -> Result<Self, Vec<Invalid>> {
        let stars =
            json_integer(&body["rating"]).and_then(|n| u8::try_from(n).ok()).filter(|n| STARS.contains(n));
        let stars = stars.ok_or_else(|| {
            let detail = format!("must be a whole number from {} to {}", STARS.start(), STARS.end());
            Invalid::new("/rating", detail)
        });
        let (stars, comment) = both(stars, optional_text("/comment", &body["comment"], MAX_COMMENT))?;
        Ok(Self { stars, comment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stars_count_and_words_may_be_missing() {
        let rating = Rating::parse(&json!({"rating": 5, "comment": " Fast delivery! "})).unwrap();
        assert_eq!((rating.stars, rating.comment.as_deref()), (5, Some("Fast delivery!")));
        assert_eq!(Rating::parse(&json!({"rating": 1, "comment": " "})).unwrap().comment, None);
        assert_eq!(Rating::parse(&json!({"rating": 4.0})).unwrap().stars, 4);
    }

    #[test]
    fn each_wrong_field_is_named() {
        for rating in [json!(null), json!(0), json!(6), json!(4.5), json!("5"), json!(-1), json!(257)] {
            let faults = Rating::parse(&json!({ "rating": rating })).unwrap_err();
            assert_eq!(faults[0].pointer, "/rating", "{rating}");
        }
        for comment in [json!(1), json!("a\0b"), json!("x".repeat(2001))] {
            let faults = Rating::parse(&json!({ "rating": 3, "comment": comment })).unwrap_err();
            assert_eq!(faults[0].pointer, "/comment", "{comment}");
        }
        assert_eq!(Rating::parse(&json!([])).unwrap_err()[0].pointer, "/rating");
    }
}
