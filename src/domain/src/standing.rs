//! Who may see an order, and what a person may do to it now.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, Refusal, Role, Status, Step, UserId};

/// What these rules look at of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Standing {
    pub user_id: UserId,
    pub delivery_partner_id: Option<UserId>,
    pub status: Status,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Something a person can ask of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

impl Standing {
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

    /// Whether `actor` sees this order only for as long as they are its courier.
    pub fn is_lent_to(&self, actor: &Actor) -> bool {
        self.is_carried_by(actor) && !self.is_owned_by(actor)
    }

    /// Whether a return can still be asked for: within `window` after the delivery.
    fn may_be_returned(&self, now: DateTime<Utc>, window: TimeDelta) -> bool {
        self.status == Status::Delivered && self.delivered_at.is_some_and(|at| now <= at + window)
    }

    /// Refuses what orders of this status don't allow.
    fn check_status(&self, only: &'static [Status], cant: &'static str) -> Result<(), Refusal> {
        if only.contains(&self.status) {
            return Ok(());
        }
        Err(Refusal::Status { status: self.status, cant, only })
    }

    /// Decides whether `actor` may set the status `to` now.
    ///
    /// # Errors
    /// Neither its courier nor an admin, or a status that isn't theirs to set or doesn't follow.
    pub fn check_step(&self, actor: &Actor, to: Status) -> Result<Step, Refusal> {
        if !self.is_carried_by(actor) && !actor.is_admin() {
            return Err(Refusal::Person("only the order's courier or an admin can set its status"));
        }
        self.status.step_to(to, actor.role)
    }

    /// Decides whether `actor` may cancel this order now.
    ///
    /// # Errors
    /// Neither owner nor admin, or too late.
    pub fn check_cancel(&self, actor: &Actor) -> Result<(), Refusal> {
        if !self.is_owned_by(actor) && !actor.is_admin() {
            return Err(Refusal::Person("only the customer or an admin can cancel an order"));
        }
        let is_admin = actor.is_admin();
        let only = if is_admin { Status::CANCELLABLE_BY_ADMINS } else { Status::CANCELLABLE_BY_OWNERS };
        self.check_status(only, "can't be cancelled")
    }

    /// Decides whether `actor` may change the items now.
    ///
    /// # Errors
    /// Neither owner nor admin, or already being prepared.
    pub fn check_items(&self, actor: &Actor) -> Result<(), Refusal> {
        if !self.is_owned_by(actor) && !actor.is_admin() {
            return Err(Refusal::Person("only the customer or an admin can change the items of an order"));
        }
        self.check_status(Status::CHANGEABLE, "can't get other items")
    }

    /// Decides whether `actor` may ask for a return now.
    ///
    /// # Errors
    /// Not the owner, not delivered, or too late.
    pub fn check_return(&self, actor: &Actor, now: DateTime<Utc>, window: TimeDelta) -> Result<(), Refusal> {
        if !self.is_owned_by(actor) {
            return Err(Refusal::Person("only the customer can ask for a return"));
        }
        self.check_status(&[Status::Delivered], "can't be returned")?;
        if !self.may_be_returned(now, window) {
            let detail =
                format!("a return can be asked for within {} days after the delivery", window.num_days());
            return Err(Refusal::Now(detail));
        }
        Ok(())
    }

    /// Decides whether `actor` may give this order to a courier now.
    ///
    /// # Errors
    /// Not an admin, or the order was delivered or is given up.
    pub fn check_assign(&self, actor: &Actor, courier: &UserId) -> Result<Step, Refusal> {
        self.check_assignable(actor)?;
        let is_theirs = self.delivery_partner_id.as_ref() == Some(courier);
        Ok(if is_theirs { Step::Unchanged } else { Step::Taken })
    }

    fn check_assignable(&self, actor: &Actor) -> Result<(), Refusal> {
        if !actor.is_admin() {
            return Err(Refusal::Person("only an admin can give an order to a courier"));
        }
        self.check_status(Status::ASSIGNABLE, "can't be assigned")
    }

    /// Decides whether `actor` may rate this order now.
    ///
    /// # Errors
    /// Not the owner, or not delivered yet.
    pub fn check_feedback(&self, actor: &Actor) -> Result<(), Refusal> {
        if !self.is_owned_by(actor) {
            return Err(Refusal::Person("only the customer can rate an order"));
        }
        self.check_status(Status::ARRIVED, "can't be rated")
    }

    /// Decides whether `actor` may report where this order is now.
    ///
    /// # Errors
    /// Neither its courier nor an admin, or not on the road.
    pub fn check_report_location(&self, actor: &Actor) -> Result<(), Refusal> {
        if !self.is_carried_by(actor) && !actor.is_admin() {
            return Err(Refusal::Person("only the order's courier or an admin can report where it is"));
        }
        self.check_has_location()
    }

    /// Decides whether this order can be followed on the map now.
    ///
    /// # Errors
    /// It isn't out for delivery.
    pub fn check_has_location(&self) -> Result<(), Refusal> {
        self.check_status(&[Status::OutForDelivery], "has no location")
    }

    /// What `actor` may do to this order at `now`.
    pub fn allowed_actions(
        &self,
        actor: &Actor,
        now: DateTime<Utc>,
        return_window: TimeDelta,
    ) -> Vec<Action> {
        let can_step = self.status.successors().iter().any(|to| self.check_step(actor, *to).is_ok());
        // While it is pending its payment is under way, and its total can't change.
        let is_settled = self.status != Status::Pending;
        [
            (Action::ModifyItems, is_settled && self.check_items(actor).is_ok()),
            (Action::Cancel, self.check_cancel(actor).is_ok()),
            (Action::UpdateStatus, can_step),
            (Action::AssignDelivery, self.check_assignable(actor).is_ok()),
            (Action::UpdateLocation, self.check_report_location(actor).is_ok()),
            (Action::RequestReturn, self.check_return(actor, now, return_window).is_ok()),
            (Action::SubmitFeedback, self.check_feedback(actor).is_ok()),
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

    fn standing(status: Status) -> Standing {
        let id = |id: &str| UserId::try_from(id.to_owned()).unwrap();
        Standing {
            user_id: id("ann"),
            delivery_partner_id: Some(id("bob")),
            status,
            delivered_at: Status::ARRIVED.contains(&status).then(|| at("2026-01-01T12:00:00Z")),
        }
    }

    #[test]
    fn an_order_is_seen_by_its_owner_its_courier_and_admins() {
        let order = standing(Status::Confirmed);
        assert!(order.is_visible_to(&actor("ann", Role::User)));
        assert!(order.is_visible_to(&actor("bob", Role::DeliveryPartner)));
        assert!(order.is_visible_to(&actor("eve", Role::Admin)));
        assert!(!order.is_visible_to(&actor("eve", Role::User)));
        assert!(!order.is_visible_to(&actor("eve", Role::DeliveryPartner)));
        // A courier's id in a customer's token opens nothing.
        assert!(!order.is_visible_to(&actor("bob", Role::User)));
    }

    #[test]
    fn a_courier_sees_an_order_for_as_long_as_it_is_theirs() {
        let order = standing(Status::Confirmed);
        assert!(order.is_lent_to(&actor("bob", Role::DeliveryPartner)));
        for (id, role) in [("ann", Role::User), ("ann", Role::DeliveryPartner), ("bob", Role::Admin)] {
            assert!(!order.is_lent_to(&actor(id, role)), "{id}");
        }
    }

    #[test]
    fn allowed_actions_follow_status_and_person() {
        let now = at("2026-01-02T12:00:00Z");
        type Row<'a> = (Status, &'a [Action], &'a [Action], &'a [Action]);
        let table: &[Row<'_>] = &[
            (Status::Pending, &[Cancel], &[], &[Cancel, UpdateStatus, AssignDelivery]),
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
            let order = standing(*status);
            let of = |person| order.allowed_actions(&person, now, TimeDelta::days(7));
            assert_eq!(of(actor("ann", Role::User)), *owner, "owner, {status}");
            assert_eq!(of(actor("bob", Role::DeliveryPartner)), *courier, "courier, {status}");
            assert_eq!(of(actor("eve", Role::Admin)), *admin, "admin, {status}");
            assert_eq!(of(actor("eve", Role::User)), [], "stranger, {status}");
        }
    }

    #[test]
    fn a_courier_takes_no_step_of_an_order_they_only_placed() {
        let order = standing(Status::Preparing);
        let step = |person| order.check_step(&person, Status::OutForDelivery);
        assert_eq!(step(actor("bob", Role::DeliveryPartner)), Ok(Step::Taken));
        assert!(matches!(step(actor("ann", Role::DeliveryPartner)), Err(Refusal::Person(_))));
    }

    #[test]
    fn a_return_can_be_asked_for_within_the_window() {
        let order = standing(Status::Delivered);
        let week = TimeDelta::days(7);
        assert!(order.may_be_returned(at("2026-01-08T12:00:00Z"), week));
        assert!(!order.may_be_returned(at("2026-01-08T12:00:01Z"), week));
    }
}
