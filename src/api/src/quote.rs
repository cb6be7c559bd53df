//! The delivery quote, asked of the policy component that is composed into this one.

use chrono::{DateTime, Utc};
use domain::{Delivery, Invalid, Money};
use platform::variables::Misconfigured;

use crate::problem::Problem;

#[allow(unsafe_code, reason = "generated")]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "delivery-client",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

use bindings::orders::delivery::policy::{self, Coordinates, Refusal};

/// What the delivery costs and when the order should arrive.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    pub fee: Money,
    pub estimated_delivery_time: DateTime<Utc>,
}

/// Asks the policy for a quote.
///
/// # Errors
/// 422 when the place can't be served; 503 when the policy is configured or works wrongly.
pub fn quote(
    delivery: &Delivery,
    subtotal: Money,
    parameters: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<Quote, Problem> {
    let destination = delivery.coordinates.as_ref().map(|place| {
        let (latitude, longitude) = place.degrees();
        Coordinates { latitude, longitude }
    });
    let order = policy::Order {
        subtotal: subtotal.cents(),
        destination,
        placed_at: now.timestamp(),
        scheduled_for: delivery.scheduled_for.map(|time| time.timestamp()),
    };
    let offer = policy::quote(order, parameters).map_err(|refusal| match refusal {
        Refusal::OutOfReach(sentence) => Problem::invalid(Invalid::new("/delivery_latitude", sentence)),
        Refusal::Misconfigured(sentence) => wrong_policy(sentence).into(),
    })?;
    let fee = Money::from_cents(offer.fee).map_err(wrong_policy)?;
    let arrival = DateTime::from_timestamp(offer.estimated_delivery, 0);
    let arrival = arrival.ok_or_else(|| wrong_policy("its time of delivery is out of range"))?;
    Ok(Quote { fee, estimated_delivery_time: delivery.scheduled_for.unwrap_or(arrival) })
}

/// Whether the policy can be asked at all with these parameters.
///
/// # Errors
/// They aren't as it needs them.
pub fn check(parameters: &[(String, String)], now: DateTime<Utc>) -> Result<(), Misconfigured> {
    let order =
        policy::Order { subtotal: 0, destination: None, placed_at: now.timestamp(), scheduled_for: None };
    match policy::quote(order, parameters) {
        Err(Refusal::Misconfigured(sentence)) => Err(wrong_policy(sentence)),
        Ok(_) | Err(Refusal::OutOfReach(_)) => Ok(()),
    }
}

fn wrong_policy(problem: impl ToString) -> Misconfigured {
    Misconfigured::new("delivery_*", problem)
}
