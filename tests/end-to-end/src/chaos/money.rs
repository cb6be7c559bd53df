//! Amounts in cents, for sums that must come out exactly.

use anyhow::{Context, Result};
use serde_json::Value;

/// The cents of an amount in JSON, a number or a text.
pub fn cents(amount: &Value) -> Result<i64> {
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    let amount: f64 = text.parse().with_context(|| format!("no amount: {text}"))?;
    // Exact for any amount that the service takes.
    Ok((amount * 100.0).round() as i64)
}
