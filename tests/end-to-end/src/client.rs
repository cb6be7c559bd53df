//! The HTTP client of the tests: straight to the service, following nothing, patient to a point.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};

pub fn client() -> Client {
    builder().build().expect("an HTTP client without TLS needs nothing")
}

/// The same with TLS, for a server with this certificate.
pub fn client_that_trusts(certificate: Certificate) -> Client {
    builder().add_root_certificate(certificate).https_only(true).build().expect("the certificate is valid")
}

fn builder() -> ClientBuilder {
    Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(60))
}
