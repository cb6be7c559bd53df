//! Who makes a change, and by which request.

use domain::Actor;
use spin_sdk::pg::ParameterValue;

use crate::{
    Trace,
    parameters::{optional_text, text},
};

/// Whoever a change's event names.
#[derive(Clone, Copy)]
pub struct Author<'a> {
    pub actor: &'a Actor,
    pub trace: &'a Trace,
}

impl Author<'_> {
    /// The event's `actor_id`, `actor_role` and `request_id`, and the `traceparent` of the tasks that follow.
    pub(crate) fn parameters(self) -> [ParameterValue; 4] {
        [
            text(self.actor.id.as_str()),
            text(self.actor.role.as_str()),
            text(&self.trace.request_id),
            optional_text(self.trace.context().as_deref()),
        ]
    }
}
