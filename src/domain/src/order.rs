//! An order as it is kept, who may see it, and what a person may do to it now.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Actor, Money, OrderId, ProductId, Role, Status, UserId};

/// One product of an order, at the price it was ordered for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Item {
    pub id: i32,
    pub product_id: ProductId,
    pub quantity: i32,
    pub price: Money,
    pub product_name: Option<String>,
}

/// An order with its items.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Order {
    pub id: OrderId,
    pub user_id: UserId,
    pub delivery_partner_id: Option<UserId>,
    /// Items and delivery fee together.
    pub total_amount: Money,
    pub delivery_fee: Money,
    pub status: Status,
    pub delivery_address: String,
    pub delivery_latitude: Option<String>,
    pub delivery_longitude: Option<String>,
    pub estimated_delivery_time: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The number of the newest event, from 1 without gaps.
    pub version: i32,
    pub items: Vec<Item>,
}

/// Something a person can ask of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    ModifyItems,
    Cancel,
    UpdateStatus,
    AssignDelivery,
    UpdateLocation,
    RequestReturn,
    SubmitFeedback,
}

impl Order {
    fn is_owned_by(&self, actor: &Actor) -> bool {
        self.user_id == actor.id
    }

    fn is_carried_by(&self, actor: &Actor) -> bool {
        actor.role == Role::DeliveryPartner && self.delivery_partner_id.as_ref() == Some(&actor.id)
    }

    /// An order is shown to its owner, its courier and admins; for anyone else it doesn't exist.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        actor.is_admin() || self.is_owned_by(actor) || self.is_carried_by(actor)
    }

    /// Whether a return can still be asked for: within `window` after the delivery.
    pub fn may_be_returned(&self, now: DateTime<Utc>, window: TimeDelta) -> bool {
        self.status == Status::Delivered && self.delivered_at.is_some_and(|at| now <= at + window)
    }

    /// What `actor` may do to this order at `now`.
    pub fn allowed_actions(
        &self,
        actor: &Actor,
        now: DateTime<Utc>,
        return_window: TimeDelta,
    ) -> Vec<Action> {
        let (owner, courier, admin) = (self.is_owned_by(actor), self.is_carried_by(actor), actor.is_admin());
        let can_step = self.status.successors().iter().any(|to| self.status.step_to(*to, actor.role).is_ok());
        let cancelling_as = if admin { Role::Admin } else { Role::User };
        [
            (Action::ModifyItems, (owner || admin) && self.status.may_change_items()),
            (Action::Cancel, (owner || admin) && self.status.may_be_cancelled_by(cancelling_as)),
            (Action::UpdateStatus, (courier || admin) && can_step),
            (Action::AssignDelivery, admin && self.status.may_be_assigned()),
            (Action::UpdateLocation, (courier || admin) && self.status == Status::OutForDelivery),
            (Action::RequestReturn, owner && self.may_be_returned(now, return_window)),
            (Action::SubmitFeedback, owner && self.status.was_delivered()),
        ]
        .into_iter()
        .filter_map(|(action, allowed)| allowed.then_some(action))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn actor(id: &str, role: Role) -> Actor {
        Actor { id: UserId::try_from(id.to_owned()).unwrap(), role, email: None }
    }

    fn order(status: Status) -> Order {
        serde_json::from_value(serde_json::json!({
            "id": 1, "user_id": "ann", "delivery_partner_id": "bob", "status": status,
            "total_amount": "10.98", "delivery_fee": "5.00", "delivery_address": "123 Main St",
            "delivered_at": status.was_delivered().then_some("2026-01-01T12:00:00+00:00"),
            "created_at": "2026-01-01T10:00:00.5+00:00", "updated_at": "2026-01-01T10:00:00.5+00:00",
            "version": 3, "items": []
        }))
        .unwrap()
    }

    #[test]
    fn an_order_is_seen_by_its_owner_its_courier_and_admins() {
        let order = order(Status::Confirmed);
        assert!(order.is_visible_to(&actor("ann", Role::User)));
        assert!(order.is_visible_to(&actor("bob", Role::DeliveryPartner)));
        assert!(order.is_visible_to(&actor("eve", Role::Admin)));
        assert!(!order.is_visible_to(&actor("eve", Role::User)));
        assert!(!order.is_visible_to(&actor("eve", Role::DeliveryPartner)));
        // A courier's id in a customer's token opens nothing.
        assert!(!order.is_visible_to(&actor("bob", Role::User)));
    }

    #[test]
    fn allowed_actions_follow_status_and_person() {
        let now = at("2026-01-02T12:00:00Z");
        let table: &[(Status, &[Action], &[Action], &[Action])] = &[
            (
                Status::Pending,
                &[ModifyItems, Cancel],
                &[],
                &[ModifyItems, Cancel, UpdateStatus, AssignDelivery],
            ),
            (
                Status::Confirmed,
                &[ModifyItems, Cancel],
                &[],
                &[ModifyItems, Cancel, UpdateStatus, AssignDelivery],
            ),
            (Status::Preparing, &[], &[UpdateStatus], &[Cancel, UpdateStatus, AssignDelivery]),
            (
                Status::OutForDelivery,
                &[],
                &[UpdateStatus, UpdateLocation],
                &[UpdateStatus, AssignDelivery, UpdateLocation],
            ),
            (Status::Delivered, &[RequestReturn, SubmitFeedback], &[], &[UpdateStatus]),
            (Status::Cancelled, &[], &[], &[]),
            (Status::ReturnRequested, &[SubmitFeedback], &[], &[UpdateStatus]),
            (Status::ReturnApproved, &[SubmitFeedback], &[UpdateStatus], &[UpdateStatus]),
            (Status::PickedUp, &[SubmitFeedback], &[], &[UpdateStatus]),
            (Status::Refunded, &[SubmitFeedback], &[], &[]),
        ];
        assert_eq!(table.len(), Status::ALL.len());
        for (status, owner, courier, admin) in table {
            let order = order(*status);
            let of = |person| order.allowed_actions(&person, now, TimeDelta::days(7));
            assert_eq!(of(actor("ann", Role::User)), *owner, "owner, {status}");
            assert_eq!(of(actor("bob", Role::DeliveryPartner)), *courier, "courier, {status}");
            assert_eq!(of(actor("eve", Role::Admin)), *admin, "admin, {status}");
            assert_eq!(of(actor("eve", Role::User)), [], "stranger, {status}");
        }
    }

    #[test]
    fn a_return_can_be_asked_for_within_the_window() {
        let order = order(Status::Delivered);
        let week = TimeDelta::days(7);
        assert!(order.may_be_returned(at("2026-01-08T12:00:00Z"), week));
        assert!(!order.may_be_returned(at("2026-01-08T12:00:01Z"), week));
    }
}
