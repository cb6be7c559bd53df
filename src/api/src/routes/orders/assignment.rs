//! Giving an order to a courier.

use domain::{Invalid, Order, UserId};
use platform::orders;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::show;
use crate::{
    call::Call,
    changing::{Decision, change},
    problem::Problem,
    router::Answer,
};

/// Who shall carry an order.
#[derive(JsonSchema)]
#[schemars(rename = "AssignDeliveryPartnerRequest")]
pub struct Assignment {
    #[schemars(schema_with = "partner_schema")]
    delivery_partner_id: UserId,
}

impl Assignment {
    fn read(call: &Call) -> Result<Self, Problem> {
        Ok(Self { delivery_partner_id: partner(&call.json()?)? })
    }
}

/// `PUT /orders/{order_id}/assign-delivery`.
pub async fn assign(call: &Call) -> Answer {
    let (app, admin) = (call.app()?, call.admin()?);
    let Assignment { delivery_partner_id: partner } = Assignment::read(call)?;
    let order = change(call, app, &admin, async |order: Order| {
        order.standing().check_assign()?;
        if order.delivery_partner_id.as_ref() == Some(&partner) {
            return Ok(Decision::Done(order));
        }
        Ok(orders::assign(&app.db, &[order], &partner, None, (&admin, &call.trace)).await?.pop().into())
    })
    .await?;
    show(call, app, &admin, &order).await
}

/// The courier a body names: by a string, or by a number as older clients do.
pub fn partner(body: &Value) -> Result<UserId, Problem> {
    let text = match &body["delivery_partner_id"] {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => String::new(),
    };
    UserId::try_from(text)
        .map_err(|error| Problem::invalid(vec![Invalid::new("/delivery_partner_id", error.to_string())]))
}

/// What [`partner`] takes.
pub fn partner_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            generator.subschema_for::<UserId>(),
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
        ],
    })
}
