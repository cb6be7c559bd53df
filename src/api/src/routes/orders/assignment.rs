//! Giving an order to a courier.

use domain::{Invalid, Order, Step, UserId, json_integer};
use platform::orders;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::show;
use crate::{call::Call, changing::change, problem::Problem, router::Answer};

/// Who shall carry an order.
#[derive(JsonSchema)]
#[schemars(rename = "AssignDeliveryPartnerRequest")]
pub struct Assignment {
    #[schemars(schema_with = "courier_schema")]
    delivery_partner_id: UserId,
}

impl Assignment {
    fn read(call: &Call) -> Result<Self, Problem> {
        Ok(Self { delivery_partner_id: courier(&call.json()?).map_err(Problem::invalid)? })
    }
}

/// `PUT /orders/{order_id}/assign-delivery`.
pub async fn assign(call: &Call) -> Answer {
    let (app, admin) = (call.app()?, call.admin()?);
    let Assignment { delivery_partner_id: courier } = Assignment::read(call)?;
    let order = change(call, async |order: Order| match order.standing().check_assign(admin, &courier)? {
        Step::Unchanged => Ok(Some(order)),
        Step::Taken => Ok(orders::assign(&app.db, &[order], &courier, None, call.author()?).await?.pop()),
    })
    .await?;
    show(call, &order).await
}

/// The courier a body names: by a string, or by a number as older clients do.
pub fn courier(body: &Value) -> Result<UserId, Invalid> {
    let text = match &body["delivery_partner_id"] {
        Value::String(text) => Some(text.clone()),
        value => {
            let number = value.as_u64().or_else(|| u64::try_from(json_integer(value)?).ok());
            number.map(|number| number.to_string())
        }
    };
    text.and_then(|text| UserId::try_from(text).ok()).ok_or_else(|| {
        let detail = format!(
            "must be a text of 1 to 255 characters, none of them a control character, \
            or a whole number from 0 to {}",
            u64::MAX
        );
        Invalid::new("/delivery_partner_id", detail)
    })
}

/// What [`courier`] takes.
pub fn courier_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            generator.subschema_for::<UserId>(),
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<UserId, Invalid> {
        courier(&serde_json::from_str(&format!("{{\"delivery_partner_id\":{json}}}")).unwrap())
    }

    #[test]
    fn a_courier_is_a_text_or_a_whole_number_with_its_digits() {
        for (json, id) in [
            ("\"auth0|7\"", "auth0|7"),
            ("456", "456"),
            ("456.0", "456"),
            ("1e2", "100"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(read(json).map(String::from).as_deref(), Ok(id), "{json}");
        }
    }

    #[test]
    fn what_is_no_courier_is_told_what_would_be() {
        for json in ["1.5", "-1", "-1.0", "18446744073709551616", "1e30", "\"\"", "null", "[7]", "true"] {
            let fault = read(json).unwrap_err();
            assert_eq!(fault.pointer, "/delivery_partner_id", "{json}");
            assert!(fault.detail.ends_with("or a whole number from 0 to 18446744073709551615"), "{fault:?}");
        }
    }
}
