//! A client on a bad line: it may get no answer, asks again as good clients do, and has all that it is
//! told written down.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::time::sleep;

use super::journal::Journal;
use super::stage::Stage;
use crate::tokens::{Token, claims};

/// How often a request is made before a client gives up, and how long it waits between.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Caller<'a> {
    http: Client,
    url: &'a str,
    token: String,
    journal: &'a Journal,
}

/// A complete answer.
pub struct Reply {
    pub status: u16,
    pub json: Value,
    asks_to_retry: bool,
}

/// What is asked for.
pub struct Request<'a> {
    /// What it is, for the report.
    pub what: &'static str,
    pub method: Method,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    pub key: Option<&'a str>,
}

impl<'a> Caller<'a> {
    pub fn new(stage: &'a Stage, journal: &'a Journal, user_id: &str, role: &str) -> Caller<'a> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.expect("an HTTP client without TLS needs nothing");
        Caller { http, url: &stage.url, token: Token::signed(claims(user_id, role)), journal }
    }

    /// Asks once. None when no complete answer came.
    pub async fn ask(&self, request: &Request<'_>) -> Option<Reply> {
        let reply = self.send(request).await;
        match &reply {
            Ok(reply) => {
                self.journal.answered(request.what, &reply.status.to_string());
                if (200..300).contains(&reply.status) {
                    self.journal.saw(&reply.json);
                }
            }
            Err(_) => self.journal.answered(request.what, "none"),
        }
        reply.ok()
    }

    /// Asks until there is an answer that asking again won't change.
    pub async fn insist(&self, request: &Request<'_>) -> Option<Reply> {
        for n in 1..=TRIES {
            match self.ask(request).await {
                Some(reply) if !reply.asks_to_retry => return Some(reply),
                _ => sleep(PAUSE * n).await,
            }
        }
        None
    }

    pub async fn get(&self, what: &'static str, path: &str) -> Option<Reply> {
        self.ask(&Request { what, method: Method::GET, path, body: None, key: None }).await
    }

    pub async fn put(&self, what: &'static str, path: &str, body: &Value) -> Option<Reply> {
        self.ask(&Request { what, method: Method::PUT, path, body: Some(body), key: None }).await
    }

    async fn send(&self, request: &Request<'_>) -> reqwest::Result<Reply> {
        let url = format!("{}{}", self.url, request.path);
        let mut call = self.http.request(request.method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = request.body {
            call = call.json(body);
        }
        if let Some(key) = request.key {
            call = call.header("idempotency-key", key);
        }
        let answer = call.send().await?;
        let status = answer.status().as_u16();
        let asks_to_retry = answer.headers().contains_key("retry-after");
        let json = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        Ok(Reply { status, json, asks_to_retry })
    }
}
