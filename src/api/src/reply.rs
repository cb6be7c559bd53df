//! Answers, and how they leave: head and body together.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use spin_sdk::wasip3::{
    self,
    http::types::{Headers, Response},
    http_compat::BodyWriter,
    wit_bindgen::yield_async,
};

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("our own types have no unserializable values");
        let json = HeaderValue::from_static("application/json");
        Self { status, headers: HeaderMap::from_iter([(header::CONTENT_TYPE, json)]), body: body.into() }
    }

    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub fn content_type(&mut self, content_type: &'static str) {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Hands the answer to the host. Spin leaves Nagle's algorithm on: a head that leaves before its
    /// body costs a keep-alive client 40 ms, so the body is on offer before the head goes.
    pub async fn send(self) -> Response {
        let Self { status, mut headers, body } = self;
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let list: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let fields = Headers::from_list(&list).expect("these headers are valid and not forbidden");
        let (mut writer, contents, trailers) = BodyWriter::new();
        let (response, _sent) = Response::new(fields, Some(contents), trailers);
        response.set_status_code(status.as_u16()).expect("a status code of the http crate is valid");
        wasip3::spawn(async move {
            // The client may have gone: there is nobody to tell then.
            drop(writer.stream_writer.write_all(body.into()).await);
            drop(writer.stream_writer);
            drop(writer.result_writer.write(Ok(None)).await);
        });
        yield_async().await;
        response
    }
}
