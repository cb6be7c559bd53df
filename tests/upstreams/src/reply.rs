//! The answers the stand-ins give: JSON, or the nonsense a fault asks for.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

pub type Reply = Response<BoxBody<Bytes, Infallible>>;

/// A status and its JSON body.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    pub fn ok(body: impl Serialize) -> Answer {
        match serde_json::to_value(body) {
            Ok(body) => Answer { status: StatusCode::OK, body },
            Err(error) => Answer::detail(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    /// What FastAPI services answer when something is wrong.
    pub fn detail(status: StatusCode, detail: impl Into<String>) -> Answer {
        Answer { status, body: json!({ "detail": detail.into() }) }
    }

    pub fn not_found(what: &str) -> Answer {
        Answer::detail(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    pub fn invalid(detail: impl Into<String>) -> Answer {
        Answer::detail(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        json_text(answer.status, answer.body.to_string())
    }
}

/// A body that calls itself JSON, whatever it is.
pub fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(text.into()).boxed());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Come again: whoever follows it finds what was asked for, once the fault has passed.
pub fn redirect(path: &str) -> Reply {
    let mut reply = json_text(StatusCode::FOUND, "{}");
    reply.headers_mut().extend(HeaderValue::from_str(path).ok().map(|path| (LOCATION, path)));
    reply
}

/// The first half of an answer that promised to be whole.
pub fn cut(answer: Answer) -> Reply {
    let whole = Bytes::from(answer.body.to_string());
    let half = Ok::<_, Infallible>(Frame::data(whole.slice(..whole.len() / 2)));
    let mut reply = Response::new(BoxBody::new(StreamBody::new(stream::iter([half]))));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    reply
}

pub fn mislabelled(answer: Answer) -> Reply {
    let mut reply = Reply::from(answer);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    reply
}

/// A JSON document that never ends, with no content-length to warn of it.
pub fn endless() -> Reply {
    let block = Bytes::from(vec![b' '; 64 * 1024]);
    let body = StreamBody::new(stream::repeat_with(move || Ok::<_, Infallible>(Frame::data(block.clone()))));
    let mut reply = Response::new(BoxBody::new(body));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
