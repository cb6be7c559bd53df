//! The HTTP client of the tests: straight to the service, following nothing, patient to a point.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

pub fn client() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("an HTTP client without TLS needs nothing")
}
