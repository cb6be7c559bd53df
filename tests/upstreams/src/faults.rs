//! Faults on request: what goes wrong, for whom, and how often.

use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;

use crate::endpoint::Service;

/// Where a fault strikes. A missing field matches everything; naming a user or a product keeps tests
/// that run at the same time out of each other's way.
#[derive(Clone, Debug, Deserialize)]
pub struct Fault {
    pub service: Service,
    pub user_id: Option<String>,
    pub product_id: Option<u64>,
    /// The exact path, to tell the calls of one service apart.
    pub path: Option<String>,
    pub mode: Mode,
    /// How many calls it strikes; without it, all until the fault is removed.
    pub times: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub enum Mode {
    /// This status instead of an answer; nothing is done.
    Status(StatusCode),
    /// Nothing is done and no answer comes.
    Timeout,
    /// Done, and answered so much later.
    Slow(Duration),
    /// The connection is closed; nothing is done.
    Drop,
    /// Done, and the connection closed instead of an answer.
    DropAfter,
    /// Done, and the connection closed in the middle of the answer.
    Cut,
    /// The payment is declined, unless it was carried out already.
    Decline,
    /// The token is no longer active.
    Inactive,
    /// Done, answered with 200 and something that is not JSON.
    Garbage,
    /// Done, answered with 200 and JSON of the wrong types.
    WrongTypes,
    /// Done, answered with 200 and a body that never ends.
    Huge,
    /// Done and well answered, but called HTML.
    Mislabelled,
    /// 200 and this text; nothing is done.
    Text(String),
    /// A redirect to where it came from; nothing is done.
    Redirect,
}

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Mode, String> {
        if let Some(body) = text.strip_prefix("text:") {
            return Ok(Mode::Text(body.to_owned()));
        }
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text.as_str(), None),
        };
        let number = number
            .map(|number| number.parse::<u16>().map_err(|error| format!("{text}: {error}")))
            .transpose()?;
        let mode = match (name, number) {
            ("status", Some(code)) => {
                Mode::Status(StatusCode::from_u16(code).map_err(|error| error.to_string())?)
            }
            ("slow", Some(ms)) => Mode::Slow(Duration::from_millis(ms.into())),
            ("timeout", None) => Mode::Timeout,
            ("drop", None) => Mode::Drop,
            ("drop_after", None) => Mode::DropAfter,
            ("cut", None) => Mode::Cut,
            ("decline", None) => Mode::Decline,
            ("inactive", None) => Mode::Inactive,
            ("garbage", None) => Mode::Garbage,
            ("wrong_types", None) => Mode::WrongTypes,
            ("huge", None) => Mode::Huge,
            ("mislabelled", None) => Mode::Mislabelled,
            ("redirect", None) => Mode::Redirect,
            _ => return Err(format!("there is no mode {text}")),
        };
        Ok(mode)
    }
}

/// A call as far as faults care.
pub struct Target<'a> {
    pub service: Service,
    pub user_id: Option<&'a str>,
    pub product_id: Option<&'a str>,
    pub path: &'a str,
}

impl Fault {
    fn strikes(&self, target: &Target) -> bool {
        let user = self.user_id.as_deref();
        let product = self.product_id.map(|id| id.to_string());
        self.service == target.service
            && (user.is_none() || user == target.user_id)
            && (product.is_none() || product.as_deref() == target.product_id)
            && self.path.as_deref().is_none_or(|path| path == target.path)
    }
}

#[derive(Default)]
pub struct Faults {
    active: Vec<Fault>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.active.push(fault);
    }

    /// Those of one user, or all.
    pub fn remove(&mut self, user_id: Option<&str>) {
        self.active.retain(|fault| user_id.is_some_and(|user_id| fault.user_id.as_deref() != Some(user_id)));
    }

    /// What goes wrong with this call: the fault set last wins.
    pub fn strike(&mut self, target: &Target) -> Option<Mode> {
        let at = self.active.iter().rposition(|fault| fault.strikes(target) && fault.times != Some(0))?;
        let fault = &mut self.active[at];
        let mode = fault.mode.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                self.active.remove(at);
            }
        }
        Some(mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    fn call_of(user_id: &str) -> Target<'_> {
        Target {
            service: Service::Payment,
            user_id: Some(user_id),
            product_id: None,
            path: "/payments/process",
        }
    }

    #[test]
    fn a_fault_strikes_its_user_as_often_as_told() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"service":"payment","user_id":"ann","mode":"status:500","times":2}"#));
        assert_eq!(faults.strike(&call_of("bob")), None);
        for _ in 0..2 {
            let mode = Mode::Status(StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(faults.strike(&call_of("ann")), Some(mode));
        }
        assert_eq!(faults.strike(&call_of("ann")), None);
    }

    #[test]
    fn a_path_tells_the_calls_of_a_service_apart() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"service":"payment","path":"/payments/refund","mode":"drop"}"#));
        assert_eq!(faults.strike(&call_of("ann")), None);
    }

    #[test]
    fn removing_one_users_faults_leaves_the_others() {
        let mut faults = Faults::default();
        for user in ["ann", "bob"] {
            faults.add(fault(&format!(r#"{{"service":"payment","user_id":"{user}","mode":"slow:10"}}"#)));
        }
        faults.remove(Some("ann"));
        assert_eq!(faults.strike(&call_of("ann")), None);
        assert!(faults.strike(&call_of("bob")).is_some());
        faults.remove(None);
        assert_eq!(faults.strike(&call_of("bob")), None);
    }

    #[test]
    fn an_unknown_mode_is_refused() {
        for text in ["", "explode", "status", "status:abc", "status:99999", "drop:1"] {
            assert!(Mode::try_from(text.to_string()).is_err(), "{text}");
        }
    }
}
