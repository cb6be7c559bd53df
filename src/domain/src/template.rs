//! Templates: what a customer orders again and again, under a name of their own.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Actor, CartLine, Invalid, MAX_PRODUCTS, Refusal, TemplateId, UserId, both, order_lines,
    text::{WORDS, required_text},
};

const MAX_NAME: usize = 100;

/// A template as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    pub id: TemplateId,
    pub user_id: UserId,
    pub name: String,
    pub items: Vec<CartLine>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Template {
    /// A template is shown to its owner and admins; for anyone else it doesn't exist.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        actor.is_admin() || self.user_id == actor.id
    }

    /// Decides whether `actor` may order from this template.
    ///
    /// # Errors
    /// Not the owner: an order is its customer's own.
    pub fn check_order(&self, actor: &Actor) -> Result<(), Refusal> {
        if self.user_id == actor.id {
            return Ok(());
        }
        Err(Refusal::Person("only the customer can order from a template"))
    }
}

/// A template about to be kept.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "TemplateCreate")]
pub struct TemplateDraft {
    #[schemars(length(min = 1, max = MAX_NAME), regex(pattern = WORDS))]
    pub name: String,
    /// Each product once.
    #[schemars(length(min = 1, max = MAX_PRODUCTS))]
    pub items: Vec<CartLine>,
}

impl TemplateDraft {
    /// Reads `name` and `items` of a request. Whether the products exist is asked when they are
    /// ordered: what is sold out today may be back then.
    ///
    /// # Errors
    /// Each missing or wrong field, by its pointer.
    pub fn parse(body: &Value) -> Result<Self, Vec<Invalid>> {
        let name = required_text("/name", &body["name"], MAX_NAME);
        let (name, items) = both(name, order_lines(&body["items"]))?;
        Ok(Self { name, items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use serde_json::json;

    #[test]
    fn a_name_and_a_list_make_a_template() {
        let draft = TemplateDraft::parse(&json!({
            "name": " Weekly Grocery Pack ",
            "items": [{"product_id": 5, "quantity": 2}, {"product_id": 8, "quantity": 1}],
        }));
        let draft = draft.unwrap();
        assert_eq!((draft.name.as_str(), draft.items.len()), ("Weekly Grocery Pack", 2));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        for name in [json!(null), json!(""), json!(" "), json!(1), json!("a\0b"), json!("ü".repeat(101))] {
            let faults = TemplateDraft::parse(&json!({ "name": name })).unwrap_err();
            let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
            assert_eq!(pointers, ["/name", "/items"], "{name}");
        }
        let longest = json!({"name": "ü".repeat(100), "items": [{"product_id": 5, "quantity": 1}]});
        assert!(TemplateDraft::parse(&longest).is_ok());
    }

    #[test]
    fn a_template_is_its_owners_to_order_from_and_an_admins_to_see() {
        let person =
            |id: &str, role| Actor { id: UserId::try_from(id.to_owned()).unwrap(), role, email: None };
        let template: Template = serde_json::from_value(json!({
            "id": 1, "user_id": "ann", "name": "Weekly", "items": [{"product_id": 5, "quantity": 2}],
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        for (actor, sees, orders) in [
            (person("ann", Role::User), true, true),
            (person("ann", Role::Admin), true, true),
            (person("bob", Role::User), false, false),
            (person("bob", Role::DeliveryPartner), false, false),
            (person("bob", Role::Admin), true, false),
        ] {
            assert_eq!(template.is_visible_to(&actor), sees, "{actor:?}");
            assert_eq!(template.check_order(&actor).is_ok(), orders, "{actor:?}");
        }
    }
}
