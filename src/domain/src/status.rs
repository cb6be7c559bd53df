//! The status machine: which status may follow which, and who may take the step.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Role;

/// Where an order is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderStatus")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Confirmed,
    Preparing,
    OutForDelivery,
    Delivered,
    Cancelled,
    ReturnRequested,
    ReturnApproved,
    PickedUp,
    Refunded,
}

/// What a permitted change of status amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The order has this status already: nothing to do, and no error.
    Unchanged,
    Taken,
}

/// Why a change of status is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("your role may not set the status {0}")]
    Role(Status),
    #[error("an order that is {from} can't become {to}; {}", or_final(from.successors()))]
    Step { from: Status, to: Status },
    /// Something else that orders of this status don't allow, only those of the others.
    #[error("an order that is {status} {cant}, only one that is {}", or(only))]
    Status { status: Status, cant: &'static str, only: &'static [Status] },
    /// The person may never do this to this order.
    #[error("{0}")]
    Person(&'static str),
    /// The person may, but not now.
    #[error("{0}")]
    Now(String),
}

impl Status {
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Confirmed,
        Self::Preparing,
        Self::OutForDelivery,
        Self::Delivered,
        Self::Cancelled,
        Self::ReturnRequested,
        Self::ReturnApproved,
        Self::PickedUp,
        Self::Refunded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Preparing => "preparing",
            Self::OutForDelivery => "out_for_delivery",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::ReturnRequested => "return_requested",
            Self::ReturnApproved => "return_approved",
            Self::PickedUp => "picked_up",
            Self::Refunded => "refunded",
        }
    }

    /// The status of that name; none for a name that isn't one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The statuses that may follow this one, whoever takes the step.
    pub fn successors(self) -> &'static [Self] {
        use Status::*;
        match self {
            Pending => &[Confirmed, Cancelled],
            Confirmed => &[Preparing, Cancelled],
            Preparing => &[OutForDelivery, Cancelled],
            OutForDelivery => &[Delivered],
            Delivered => &[ReturnRequested],
            ReturnRequested => &[ReturnApproved, Delivered],
            ReturnApproved => &[PickedUp],
            PickedUp => &[Refunded],
            Cancelled | Refunded => &[],
        }
    }

    /// Nothing follows a final status.
    pub fn is_final(self) -> bool {
        self.successors().is_empty()
    }

    /// Whether `role` may set this status through the status endpoint: an admin any, a courier the
    /// three of the road, a customer none (they cancel and request returns instead).
    pub(crate) fn may_be_set_by(self, role: Role) -> bool {
        match role {
            Role::Admin => true,
            Role::DeliveryPartner => matches!(self, Self::OutForDelivery | Self::Delivered | Self::PickedUp),
            Role::User => false,
        }
    }

    /// Decides a change to `to`, asked for by `role` through the status endpoint.
    ///
    /// # Errors
    /// The role may never set that status, or this status doesn't lead to it.
    pub(crate) fn step_to(self, to: Self, role: Role) -> Result<Step, Refusal> {
        if !to.may_be_set_by(role) {
            return Err(Refusal::Role(to));
        }
        // A refused return makes the order delivered again: for an admin to decide.
        let is_refused_return = self == Self::ReturnRequested && to == Self::Delivered;
        if is_refused_return && role != Role::Admin {
            return Err(Refusal::Role(to));
        }
        if self == to {
            return Ok(Step::Unchanged);
        }
        if self.successors().contains(&to) {
            return Ok(Step::Taken);
        }
        Err(Refusal::Step { from: self, to })
    }

    /// The statuses from which `role` may take an order to this one through the status endpoint.
    pub fn origins(self, role: Role) -> Vec<Self> {
        let leads_here = |from: &Self| from.step_to(self, role) == Ok(Step::Taken);
        Self::ALL.into_iter().filter(leads_here).collect()
    }

    /// Orders that an admin may cancel: before they are on the road. Their owners may until they are being prepared.
    pub(crate) const CANCELLABLE_BY_ADMINS: &[Self] = &[Self::Pending, Self::Confirmed, Self::Preparing];
    pub(crate) const CANCELLABLE_BY_OWNERS: &[Self] = &[Self::Pending, Self::Confirmed];

    /// Orders whose items may still be changed.
    pub(crate) const CHANGEABLE: &[Self] = &[Self::Pending, Self::Confirmed];

    /// Orders that can be given to a courier: all that are not yet delivered.
    pub(crate) const ASSIGNABLE: &[Self] =
        &[Self::Pending, Self::Confirmed, Self::Preparing, Self::OutForDelivery];

    /// Orders that have reached their customer, and may be rated.
    pub(crate) const ARRIVED: &[Self] =
        &[Self::Delivered, Self::ReturnRequested, Self::ReturnApproved, Self::PickedUp, Self::Refunded];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn or_final(successors: &[Status]) -> String {
    if successors.is_empty() {
        return "this status is final".to_owned();
    }
    format!("it can become {}", or(successors))
}

/// `pending, confirmed or preparing`.
fn or(statuses: &[Status]) -> String {
    let names: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    match names.as_slice() {
        [others @ .., one, last] => [others, &[&format!("{one} or {last}")]].concat().join(", "),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every legal step and who may take it, written down without the code under test.
    const STEPS: &[(Status, Status, &[Role])] = {
        use Role::*;
        use Status::*;
        &[
            (Pending, Confirmed, &[Admin]),
            (Confirmed, Preparing, &[Admin]),
            (Preparing, OutForDelivery, &[Admin, DeliveryPartner]),
            (OutForDelivery, Delivered, &[Admin, DeliveryPartner]),
            (Delivered, ReturnRequested, &[Admin]),
            (ReturnRequested, ReturnApproved, &[Admin]),
            (ReturnRequested, Delivered, &[Admin]),
            (ReturnApproved, PickedUp, &[Admin, DeliveryPartner]),
            (PickedUp, Refunded, &[Admin]),
            (Pending, Cancelled, &[Admin]),
            (Confirmed, Cancelled, &[Admin]),
            (Preparing, Cancelled, &[Admin]),
        ]
    };

    #[test]
    fn every_status_to_every_status_by_every_role() {
        for from in Status::ALL {
            for to in Status::ALL {
                for role in Role::ALL {
                    let listed = STEPS.iter().find(|(f, t, _)| (*f, *t) == (from, to));
                    let answer = from.step_to(to, role);
                    match (listed, to.may_be_set_by(role)) {
                        (_, false) => assert_eq!(answer, Err(Refusal::Role(to))),
                        (Some((_, _, roles)), true) if roles.contains(&role) => {
                            assert_eq!(answer, Ok(Step::Taken))
                        }
                        (Some(_), true) => assert_eq!(answer, Err(Refusal::Role(to))),
                        (None, true) if from == to => assert_eq!(answer, Ok(Step::Unchanged)),
                        (None, true) => {
                            assert!(matches!(answer, Err(Refusal::Step { .. })), "{from} to {to}")
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_origins_of_a_status_are_where_a_step_leads_to_it() {
        for to in Status::ALL {
            for role in Role::ALL {
                let leads_here =
                    |(_, t, roles): &&(Status, Status, &[Role])| *t == to && roles.contains(&role);
                let mut listed: Vec<_> = STEPS.iter().filter(leads_here).map(|(from, _, _)| *from).collect();
                listed.sort_by_key(|status| Status::ALL.iter().position(|one| one == status));
                assert_eq!(to.origins(role), listed, "{to} by {role:?}");
            }
        }
    }

    #[test]
    fn every_status_is_reachable_and_two_are_final() {
        for status in Status::ALL {
            let is_first = status == Status::Pending;
            assert!(is_first || Status::ALL.iter().any(|s| s.successors().contains(&status)), "{status}");
            assert_eq!(status.is_final(), matches!(status, Status::Cancelled | Status::Refunded), "{status}");
            assert_eq!(Status::named(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_possible() {
        let refused = Status::Preparing.step_to(Status::Delivered, Role::Admin).unwrap_err();
        let says =
            "an order that is preparing can't become delivered; it can become out_for_delivery or cancelled";
        assert_eq!(refused.to_string(), says);
        let refused = Status::Cancelled.step_to(Status::Confirmed, Role::Admin).unwrap_err();
        assert!(refused.to_string().ends_with("this status is final"));
        assert_eq!(or(Status::CANCELLABLE_BY_ADMINS), "pending, confirmed or preparing");
        assert_eq!(or(&[Status::Delivered]), "delivered");
    }
}
