//! What ties together everything one request causes: its id and its W3C trace context.

use http::{HeaderMap, HeaderValue};

/// Longer lists of vendors are dropped, as W3C Trace Context (3.3.1.5) allows.
const MAX_STATE: usize = 512;

/// The identity of a request, passed on to every call it makes and every task it leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub request_id: String,
    /// The W3C `traceparent` header as it came.
    pub traceparent: Option<String>,
    /// The W3C `tracestate` header as it came; only ever beside a `traceparent`.
    pub tracestate: Option<String>,
}

impl Trace {
    /// Takes the identity of a request from its headers; without a usable one it gets the new one.
    pub fn of(headers: &HeaderMap, new_id: impl FnOnce() -> String) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text("x-request-id").filter(|id| is_plain(id)).map_or_else(new_id, str::to_owned);
        let traceparent = text("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned);
        // A list, which may be spread over several headers.
        let states = headers.get_all("tracestate").iter().map(HeaderValue::to_str);
        let state = states.collect::<Result<Vec<_>, _>>().unwrap_or_default().join(",");
        let is_usable = (1..=MAX_STATE).contains(&state.len()) && traceparent.is_some();
        Self { request_id, traceparent, tracestate: is_usable.then_some(state) }
    }

    /// The trace of a task, from what it kept of its request.
    pub fn of_task(request_id: String, context: Option<&str>) -> Self {
        let (parent, state) = context.map_or((None, None), |context| match context.split_once(' ') {
            Some((parent, state)) => (Some(parent), Some(state)),
            None => (Some(context), None),
        });
        Self { request_id, traceparent: parent.map(str::to_owned), tracestate: state.map(str::to_owned) }
    }

    /// What tasks keep of the W3C trace context: the parent and, after a space, the state.
    pub fn context(&self) -> Option<String> {
        let parent = self.traceparent.as_deref()?;
        Some(self.tracestate.as_ref().map_or_else(|| parent.to_owned(), |state| format!("{parent} {state}")))
    }

    /// The id that all services of one trace share.
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref()?.split('-').nth(1)
    }

    /// The headers that carry this trace to another service.
    pub fn headers(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("x-request-id", Some(self.request_id.as_str())),
            ("traceparent", self.traceparent.as_deref()),
            ("tracestate", self.tracestate.as_deref()),
        ]
    }
}

/// Ids that can stand in headers, logs and the database as they are.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

/// The form of W3C Trace Context, version 00: `00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|b| b != b'0');
    match text.split('-').collect::<Vec<_>>().as_slice() {
        ["00", trace, parent, flags] => is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn trace(headers: &[(&'static str, &str)]) -> Trace {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        Trace::of(&headers.collect(), || "new".to_owned())
    }

    #[test]
    fn only_well_formed_trace_contexts_are_passed_on() {
        assert_eq!(trace(&[("traceparent", PARENT)]).trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for wrong in [
            "",
            "00-x-y-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "01-a-b-c",
        ] {
            assert_eq!(trace(&[("traceparent", wrong)]).traceparent, None, "{wrong}");
        }
    }

    #[test]
    fn a_state_needs_its_parent() {
        let state = ("tracestate", "vendor=1");
        assert_eq!(trace(&[state]).tracestate, None);
        assert_eq!(trace(&[("traceparent", PARENT), state]).tracestate.as_deref(), Some("vendor=1"));
    }

    #[test]
    fn a_state_in_several_headers_is_one_list() {
        let state = ["a=1", "b=2"].map(|state| ("tracestate", state));
        let found = trace(&[("traceparent", PARENT), state[0], state[1]]);
        assert_eq!(found.tracestate.as_deref(), Some("a=1,b=2"));
    }

    #[test]
    fn a_state_is_passed_on_up_to_its_limit() {
        for (length, is_kept) in [(0, false), (1, true), (512, true), (513, false)] {
            let state = "a".repeat(length);
            let found = trace(&[("traceparent", PARENT), ("tracestate", &state)]).tracestate;
            assert_eq!(found, is_kept.then_some(state), "{length}");
        }
    }

    #[test]
    fn a_task_bears_the_trace_of_its_request() {
        let [parent, state] = [("traceparent", PARENT), ("tracestate", "a=1, b=2")];
        for headers in [&[][..], &[parent], &[parent, state]] {
            let found = trace(headers);
            assert_eq!(Trace::of_task("new".to_owned(), found.context().as_deref()), found);
        }
    }

    #[test]
    fn an_id_that_could_break_a_line_is_replaced() {
        assert_eq!(trace(&[("x-request-id", "abc-1")]).request_id, "abc-1");
        for wrong in ["", "a b", "\"", &"x".repeat(129)] {
            assert_eq!(trace(&[("x-request-id", wrong)]).request_id, "new", "{wrong}");
        }
    }
}
