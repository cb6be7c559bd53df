//! The description of the API, for programs and for people.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use platform::random_id;

use crate::{
    call::Call,
    openapi,
    reply::{Body, Reply},
    router::Answer,
};

const PAGE: &str = include_str!("docs.html");

/// `GET /openapi.json`.
pub async fn document(call: &Call) -> Answer {
    let document = openapi::document(&call.app()?.name);
    Ok(Reply::new(StatusCode::OK, "application/json", Body::Whole(Bytes::from_static(document))))
}

/// `GET /docs`: a page that renders the description. It loads nothing else, and may not.
pub async fn page(_: &Call) -> Answer {
    let nonce = random_id();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).expect("hexadecimal digits make a valid header");
    let page = PAGE.replace("{{nonce}}", &nonce);
    Ok(Reply::text("text/html; charset=utf-8", page).header(header::CONTENT_SECURITY_POLICY, policy))
}
