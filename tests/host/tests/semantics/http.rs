//! HTTP: what a component sees of a request, what a client sees of it, and requests of its own.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::app::{App, database};
use crate::upstream::Upstream;

#[test]
fn a_request_has_spins_headers_after_the_clients_own() {
    let host = App::new().up();
    let mut response = ureq::get(format!("{}/probe/a/b?c=d", host.url))
        .header("spin-client-addr", "6.6.6.6:6")
        .header("x-forwarded-for", "7.7.7.7")
        .header("connection", "keep-alive")
        .call()
        .unwrap();
    let answer: Value = response.body_mut().read_json().unwrap();
    let headers = answer["outcome"].as_array().unwrap();
    let all = |name: &str| -> Vec<&str> {
        headers.iter().filter(|header| header[0] == name).filter_map(|header| header[1].as_str()).collect()
    };
    let addresses = all("spin-client-addr");
    assert_eq!((addresses.len(), addresses[0]), (2, "6.6.6.6:6"));
    assert!(addresses[1].starts_with("127.0.0.1:"), "{addresses:?}");
    assert_eq!(all("x-forwarded-for"), ["7.7.7.7"]);
    assert!(all("connection").is_empty());
    assert_eq!(all("spin-full-url"), [format!("{}/probe/a/b?c=d", host.url)]);
    assert_eq!(all("spin-path-info"), ["/a/b"]);
    for (name, value) in [
        ("spin-matched-route", "/probe/..."),
        ("spin-raw-component-route", "/probe/..."),
        ("spin-component-route", "/probe"),
        ("spin-base-path", "/"),
    ] {
        assert_eq!(all(name), [value], "{name}");
    }
}

#[test]
fn the_host_itself_answers_for_its_health_unknown_paths_and_traps() {
    let host = App::new().up();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let get = |path: &str| {
        let mut response = agent.get(format!("{}{path}", host.url)).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    };
    assert_eq!(get("/.well-known/spin/health"), (200, "OK".to_owned()));
    let (status, info) = get("/.well-known/spin/info");
    assert_eq!((status, info.as_str()), (200, "{\n  \"name\": \"probe\"\n}"));
    assert_eq!(get("/.well-known/spin/other"), (404, String::new()));
    assert_eq!(get("/elsewhere"), (404, String::new()));
    assert_eq!(host.post(&json!("trap")), (500, String::new()));
    assert_eq!(host.outcome(json!({ "add": { "a": 1, "b": 2 } })), 3);
}

/// Inserts into a table, once this many milliseconds have passed.
fn insert_after(table: &str, milliseconds: u64) -> Value {
    let insert = json!([{ "sql": format!("insert into {table} values (1)"), "execute": true }]);
    json!({ "all": [
        { "sleep": { "milliseconds": milliseconds } },
        { "postgres": { "address": database(), "statements": insert } },
    ] })
}

fn rows_of(table: &str) -> Value {
    let count = json!([{ "sql": format!("select count(*) from {table}") }]);
    json!({ "postgres": { "address": database(), "statements": count } })
}

fn is_one(outcome: &Value) -> bool {
    outcome[0]["rows"] == json!([["DbValue::Int64(1)"]])
}

#[test]
fn work_spawned_goes_on_after_the_response() {
    let host = App::new().up();
    host.sql("drop table if exists probe_spawned");
    host.sql("create table probe_spawned (n int)");
    host.outcome(json!({ "later": insert_after("probe_spawned", 300) }));
    assert!(!is_one(&host.outcome(rows_of("probe_spawned"))));
    host.until(|| rows_of("probe_spawned"), is_one);
    host.sql("drop table probe_spawned");
}

#[test]
fn a_request_goes_on_when_its_client_has_gone() {
    let host = App::new().up();
    host.sql("drop table if exists probe_abandoned");
    host.sql("create table probe_abandoned (n int)");
    let body = json!({ "all": [
        { "print": { "line": "begun" } },
        insert_after("probe_abandoned", 300),
    ] })
    .to_string();
    let address = host.url.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let head = format!("POST /probe HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n", body.len());
    client.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut host = host;
    host.process.line("begun");
    drop(client);
    host.until(|| rows_of("probe_abandoned"), is_one);
    host.sql("drop table probe_abandoned");
}

fn fetch(url: impl Into<String>) -> Value {
    json!({ "fetch": { "url": url.into() } })
}

#[test]
fn the_status_of_an_answer_is_no_error_and_redirects_are_not_followed() {
    for (head, status) in [
        ("404 Not Found", 404),
        ("503 Service Unavailable", 503),
        ("302 Found\r\nlocation: http://127.0.0.1:1/", 302),
    ] {
        let upstream = Upstream::answering(head);
        let host = App::new().allow(&upstream.url).up();
        assert_eq!(host.outcome(fetch(&upstream.url)), json!({ "status": status, "body": "" }));
    }
}

#[test]
fn connections_to_other_servers_are_kept() {
    let upstream = Upstream::answering("200 OK");
    let host = App::new().allow(&upstream.url).up();
    host.outcome(json!({ "all": [fetch(&upstream.url), fetch(&upstream.url)] }));
    host.outcome(fetch(&upstream.url));
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_request_that_fails_says_why() {
    let host = App::new().allow("http://127.0.0.1:1").allow("http://unknown.invalid").up();
    for (url, error) in [
        ("http://127.0.0.1:1/", "ErrorCode::ConnectionRefused"),
        ("http://127.0.0.1:2/", "ErrorCode::HttpRequestDenied"),
        ("https://127.0.0.1:1/", "ErrorCode::HttpRequestDenied"),
        ("http://unknown.invalid/", "ErrorCode::DnsError("),
        ("/relative", "ErrorCode::HttpRequestUriInvalid"),
    ] {
        let outcome = host.outcome(fetch(url));
        assert!(outcome.as_str().unwrap().starts_with(error), "{url}: {outcome}");
    }
}
