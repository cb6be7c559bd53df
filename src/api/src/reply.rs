//! Answers, and how they leave: head and body together, or the body as it comes about.

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use platform::to_json;
use serde::Serialize;
use spin_sdk::wasip3::{
    self,
    http::types::{Headers, Response},
    http_compat::BodyWriter,
    wit_bindgen::yield_async,
};

/// A whole answer, but for a body that is still to be written.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
}

pub enum Body {
    Whole(Bytes),
    /// Writes the body once the head has gone.
    Stream(Box<dyn FnOnce(Writer) -> LocalBoxFuture<'static, ()>>),
}

/// The end of a body that is still open. A writer that is dropped before it is finished leaves the
/// client with an answer that was visibly cut off.
pub struct Writer(BodyWriter);

/// The client doesn't read the answer any more.
#[derive(Debug)]
pub struct Gone;

impl Writer {
    /// Hands over a part of the body; waits until the client has room for it.
    pub async fn write(&mut self, part: impl Into<Vec<u8>>) -> Result<(), Gone> {
        let unwritten = self.0.stream_writer.write_all(part.into()).await;
        if unwritten.is_empty() { Ok(()) } else { Err(Gone) }
    }

    /// Ends the body.
    pub async fn finish(self) {
        drop(self.0.stream_writer);
        // Nobody is left to tell if the client has gone meanwhile.
        drop(self.0.result_writer.write(Ok(None)).await);
    }
}

impl Reply {
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = to_json(body);
        Self::written_json(status, body)
    }

    /// An answer whose JSON is there already.
    pub fn written_json(status: StatusCode, body: String) -> Self {
        Self::new(status, "application/json", Body::Whole(body.into()))
    }

    pub fn text(content_type: &'static str, body: String) -> Self {
        Self::new(StatusCode::OK, content_type, Body::Whole(body.into()))
    }

    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// With the path of what it is about, made of names and ids.
    pub fn located(self, path: String) -> Self {
        self.header(
            header::LOCATION,
            HeaderValue::try_from(path).expect("a path of ids makes a valid header"),
        )
    }

    /// 204: done, and nothing to say about it.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Body::Whole(Bytes::new()) }
    }

    /// 304: what was asked for is as the client knows it.
    pub fn not_modified() -> Self {
        Self { status: StatusCode::NOT_MODIFIED, ..Self::no_content() }
    }

    /// An answer whose body `write` writes bit by bit, in a task that outlives the request.
    pub fn stream<F: Future<Output = ()> + 'static>(
        content_type: &'static str,
        write: impl FnOnce(Writer) -> F + 'static,
    ) -> Self {
        let body = Body::Stream(Box::new(|writer| Box::pin(write(writer))));
        Self::new(StatusCode::OK, content_type, body)
    }

    pub fn new(status: StatusCode, content_type: &'static str, body: Body) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        Self { status, headers: HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]), body }
    }

    pub fn content_type(&mut self, content_type: &'static str) {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Hands the answer to the host. Spin leaves Nagle's algorithm on: a head that leaves before its
    /// body costs a keep-alive client 40 ms, so the body, or its first part if that is known, is on
    /// offer before the head goes.
    pub async fn send(self) -> Response {
        let Self { status, mut headers, body } = self;
        if let Body::Whole(bytes) = &body
            && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        }
        let list: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let fields = Headers::from_list(&list).expect("these headers are valid and not forbidden");
        let (writer, contents, trailers) = BodyWriter::new();
        let (response, _sent) = Response::new(fields, Some(contents), trailers);
        response.set_status_code(status.as_u16()).expect("a status code of the http crate is valid");
        wasip3::spawn(body.write(Writer(writer)));
        yield_async().await;
        response
    }
}

impl Body {
    async fn write(self, mut writer: Writer) {
        match self {
            // To a client that has gone, the end is no news either.
            Self::Whole(bytes) => {
                if writer.write(bytes).await.is_ok() {
                    writer.finish().await;
                }
            }
            Self::Stream(write) => write(writer).await,
        }
    }
}
