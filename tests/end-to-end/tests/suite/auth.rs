//! Who is let in.

use chrono::Utc;
use end_to_end::{Answer, Person, Setup, TestApp, Token, claims, unique};
use jwt_simple::algorithms::{ECDSAP256KeyPairLike, ES256KeyPair};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/orders/my-orders";

#[track_caller]
fn is_refused(answer: Answer) {
    let answer = answer.expect_problem(401);
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims("customer", "user");
    claims[field] = value;
    claims
}

fn without(field: &str) -> Value {
    let mut claims = claims("customer", "user");
    claims.as_object_mut().unwrap().remove(field);
    claims
}

async fn bearing(app: &TestApp, token: &str) -> Answer {
    Answer::to(app.request(Method::GET, PATH).bearer_auth(token)).await
}

#[tokio::test]
async fn without_a_token_nobody_is_let_in() {
    let app = TestApp::shared().await;
    is_refused(app.get(PATH).await);
    is_refused(app.get("/orders/1").await);
    is_refused(Answer::to(app.request(Method::POST, "/orders").json(&json!({}))).await);
    for credentials in ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", "Bearer a b"] {
        is_refused(Answer::to(app.request(Method::GET, PATH).header("authorization", credentials)).await);
    }
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let app = TestApp::shared().await;
    let right = Token::signed(claims("customer", "user"));
    let parts: Vec<&str> = right.split('.').collect();
    for wrong in [
        "abc".into(),
        "..".into(),
        "a.b.c".into(),
        parts[..2].join("."),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{right}.{}", parts[2]),
        format!("{}.{}.{}", parts[0], parts[0], parts[2]),
        format!("{right}=="),
        "a".repeat(6_000),
    ] {
        is_refused(bearing(&app, &wrong).await);
    }
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let app = TestApp::shared().await;
    let admin = || claims("admin", "admin");
    for forged in [
        Token::signed_with("another-secret-of-at-least-32-bytes-length", admin()),
        Token::unsigned(admin()),
        Token::with_header(json!({ "alg": "none" }), admin()),
        Token::with_header(json!({ "alg": "RS256", "typ": "JWT" }), admin()),
        Token::with_header(json!({ "alg": "HS512", "typ": "JWT" }), admin()),
        Token::with_header(json!({ "typ": "JWT" }), admin()),
        // The right key, but not the one algorithm that is accepted.
        Token::signed_by_hs512(admin()),
    ] {
        is_refused(bearing(&app, &forged).await);
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_time_only() {
    let app = TestApp::shared().await;
    let now = Utc::now().timestamp();
    for wrong in [
        with("exp", json!(now - 120)),
        with("exp", json!(0)),
        with("exp", json!("tomorrow")),
        without("exp"),
        with("iat", json!(now + 300)),
        with("nbf", json!(now + 300)),
    ] {
        is_refused(bearing(&app, &Token::signed(wrong.clone())).await);
    }
    // Clocks differ a little.
    bearing(&app, &Token::signed(with("iat", json!(now + 30)))).await.expect(200);
    bearing(&app, &Token::signed(with("nbf", json!(now + 30)))).await.expect(200);
    bearing(&app, &Token::signed(without("iat"))).await.expect(200);
}

#[tokio::test]
async fn a_token_names_a_person_and_a_known_role() {
    let app = TestApp::shared().await;
    for wrong in [
        without("sub"),
        with("sub", json!("")),
        with("sub", json!(7)),
        with("sub", Value::Null),
        with("sub", json!("a".repeat(256))),
        with("sub", json!("nul\u{0}")),
        with("role", json!("root")),
        with("role", json!("Admin")),
        with("role", json!("")),
        with("role", json!(1)),
        with("role", json!(["admin"])),
    ] {
        is_refused(bearing(&app, &Token::signed(wrong.clone())).await);
    }
    bearing(&app, &Token::signed(without("role"))).await.expect(200);
    bearing(&app, &Token::signed(with("sub", json!("a".repeat(255))))).await.expect(200);
}

#[tokio::test]
async fn the_specifications_token_header_works_too() {
    let app = TestApp::shared().await;
    let token = app.customer().token;

    Answer::to(app.request(Method::GET, PATH).header("token", &token)).await.expect(200);
    is_refused(Answer::to(app.request(Method::GET, PATH).header("token", "abc")).await);
}

#[tokio::test]
async fn a_gateways_own_credentials_hide_no_token() {
    let app = TestApp::shared().await;
    let token = Token::signed(claims("customer", "user"));
    let request = app.request(Method::GET, PATH).header("authorization", "Basic dXNlcjpwYXNz");
    Answer::to(request.header("token", token)).await.expect(200);
}

#[tokio::test]
async fn a_missing_token_is_challenged_without_an_error() {
    let app = TestApp::shared().await;
    assert_eq!(app.get(PATH).await.expect_problem(401).header("www-authenticate"), "Bearer realm=\"orders\"");
    let expired = Token::signed(with("exp", json!(1_000_000_000)));
    let problem = bearing(&app, &expired).await.expect_problem(401);
    assert!(problem.detail().contains("has expired"), "{}", problem.text);
}

#[tokio::test]
async fn the_scheme_is_written_in_any_case() {
    let app = TestApp::shared().await;
    let token = app.customer().token;

    for scheme in ["bearer", "BEARER"] {
        let request = app.request(Method::GET, PATH).header("authorization", format!("{scheme} {token}"));
        Answer::to(request).await.expect(200);
    }
}

#[tokio::test]
async fn without_a_proper_secret_nobody_is_let_in() {
    let short = "31 bytes are one too few for it";
    let app = TestApp::own(Setup::default().variable("jwt_secret_key", short)).await;

    let token = Token::signed_with(short, claims("customer", "user"));
    bearing(&app, &token).await.expect_problem(503);
    bearing(&app, &Token::unsigned(claims("customer", "user"))).await.expect_problem(503);
    app.get("/health").await.expect(200);
}

#[tokio::test]
async fn a_public_key_an_issuer_and_an_audience_can_be_required() {
    let keys = ES256KeyPair::generate();
    let pem = keys.public_key().to_pem().unwrap();
    let app = TestApp::own(
        Setup::default()
            .variable("jwt_algorithm", "ES256")
            .variable("jwt_public_key", &pem)
            .variable("jwt_issuer", "https://issuer.example")
            .variable("jwt_audience", "orders"),
    )
    .await;
    let id = unique("customer");
    let mut right = claims(&id, "user");
    right["iss"] = json!("https://issuer.example");
    right["aud"] = json!("orders");
    let signed = |claims: &Value| keys.sign(end_to_end::exactly(claims.clone())).unwrap();

    bearing(&app, &signed(&right)).await.expect(200);
    right["aud"] = json!(["billing", "orders"]);
    bearing(&app, &signed(&right)).await.expect(200);

    for (claim, value) in [("iss", "https://other.example"), ("aud", "billing")] {
        let mut wrong = right.clone();
        wrong[claim] = json!(value);
        is_refused(bearing(&app, &signed(&wrong)).await);
        wrong.as_object_mut().unwrap().remove(claim);
        is_refused(bearing(&app, &signed(&wrong)).await);
    }
    // The public key is no secret: nobody signs with it.
    is_refused(bearing(&app, &Token::signed_with(&pem, right.clone())).await);
    is_refused(Person::with_claims(&app, &id, right).get(PATH).await);
}
