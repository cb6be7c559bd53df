//! The default delivery policy, a component of its own: a flat fee and a fixed time, or bands of
//! distance from the shop where coordinates are given. A business swaps in its own in `spin.toml`.

mod bands;

#[allow(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "delivery-policy" });
    #[cfg(target_arch = "wasm32")]
    use super::DefaultPolicy;
    // On wasm only: native linkers reject the names of a component's exports.
    #[cfg(target_arch = "wasm32")]
    export!(DefaultPolicy);
}

use bands::Terms;
use bindings::exports::orders::delivery::policy::{Guest, Offer, Order, Refusal};

pub struct DefaultPolicy;

impl Guest for DefaultPolicy {
    fn quote(order: Order, parameters: Vec<(String, String)>) -> Result<Offer, Refusal> {
        let terms = Terms::parse(&parameters).map_err(Refusal::Misconfigured)?;
        let destination = order.destination.map(|place| (place.latitude, place.longitude));
        let band = terms.for_destination(destination).ok_or_else(|| {
            Refusal::OutOfReach("this address is too far away for us to deliver to".to_owned())
        })?;
        let soonest = order.placed_at + i64::from(band.minutes) * 60;
        Ok(Offer { fee: band.fee, estimated_delivery: order.scheduled_for.unwrap_or(soonest) })
    }
}
