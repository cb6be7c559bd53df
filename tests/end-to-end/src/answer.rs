//! An answer of the service, and what every answer must have.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body; null when it isn't JSON.
    pub json: Value,
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("the service answers")).await
    }

    pub async fn of(response: Response) -> Answer {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("the answer is complete");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, json }
    }

    /// A success with this status, in JSON.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        self.has_request_id();
        self
    }

    /// 204, with nothing behind it.
    #[track_caller]
    pub fn expect_nothing(self) -> Answer {
        assert_eq!((self.status, self.text.as_str()), (204, ""));
        assert!(self.headers.get("content-length").is_none(), "{:?}", self.headers);
        self.has_request_id();
        self
    }

    /// A failure as RFC 9457 and the contract have it.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["status"], status);
        for field in ["type", "title", "detail", "instance"] {
            assert!(self.json[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {}", self.text);
        }
        assert_eq!(self.json["request_id"], self.has_request_id());
        if status >= 500 {
            let text = self.text.to_lowercase();
            for internal in ["postgres", "panicked", "connectionrefused", "127.0.0.1", "stack"] {
                assert!(!text.contains(internal), "a 5xx shows internals: {}", self.text);
            }
        }
        self
    }

    /// A problem that says when to try again.
    #[track_caller]
    pub fn expect_retry_after(self, status: u16) -> Answer {
        let answer = self.expect_problem(status);
        let seconds: u32 = answer.header("retry-after").parse().expect("Retry-After is in seconds");
        assert!((1..=120).contains(&seconds), "Retry-After: {seconds}");
        answer
    }

    /// 422, with exactly these pointers.
    #[track_caller]
    pub fn expect_invalid(self, pointers: &[&str]) -> Answer {
        let answer = self.expect_problem(422);
        let errors = answer.json["errors"].as_array().expect("a 422 lists its errors");
        let found: Vec<&str> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert_eq!(found, pointers, "{}", answer.text);
        assert!(errors.iter().all(|error| error["detail"].is_string()), "{}", answer.text);
        answer
    }

    /// A header that must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name} header in {self:?}"))
            .to_str()
            .expect("headers are plain text")
    }

    #[track_caller]
    fn has_request_id(&self) -> &str {
        let id = self.header("x-request-id");
        assert!(!id.is_empty());
        id
    }

    #[track_caller]
    pub fn id(&self) -> i64 {
        self.json["id"].as_i64().unwrap_or_else(|| panic!("there is no id in {}", self.text))
    }

    /// The ids of a list.
    #[track_caller]
    pub fn ids(&self) -> Vec<i64> {
        let list = self.json.as_array().unwrap_or_else(|| panic!("no list: {}", self.text));
        list.iter().map(|one| one["id"].as_i64().expect("an order has an id")).collect()
    }

    /// Where a list goes on: the target of `Link: <…>; rel="next"`.
    pub fn next_page(&self) -> Option<String> {
        let links = self.headers.get("link")?.to_str().ok()?;
        let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
        let (target, _) = next.trim().strip_prefix('<')?.split_once('>')?;
        Some(target.to_owned())
    }

    #[track_caller]
    pub fn detail(&self) -> &str {
        self.json["detail"].as_str().unwrap_or_else(|| panic!("there is no detail in {}", self.text))
    }

    /// A value in the very characters of the body: `5.00` isn't `5.0`.
    #[track_caller]
    pub fn raw(&self, pointer: &str) -> &str {
        let mut rest = self.text.as_str();
        for step in pointer.split('/').skip(1) {
            let value: Option<&RawValue> = match step.parse::<usize>() {
                Ok(index) => serde_json::from_str::<Vec<&RawValue>>(rest)
                    .ok()
                    .and_then(|list| list.get(index).copied()),
                Err(_) => serde_json::from_str::<BTreeMap<&str, &RawValue>>(rest)
                    .ok()
                    .and_then(|map| map.get(step).copied()),
            };
            rest = value.unwrap_or_else(|| panic!("there is no {pointer} in {}", self.text)).get();
        }
        rest
    }

    /// A time that is in UTC and says so.
    #[track_caller]
    pub fn time(&self, field: &str) -> DateTime<Utc> {
        let text = self.json[field].as_str().unwrap_or_else(|| panic!("{field}: {}", self.json[field]));
        assert!(text.ends_with('Z'), "{field}: {text}");
        text.parse().unwrap_or_else(|error| panic!("{field}: {text}: {error}"))
    }
}
