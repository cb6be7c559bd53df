//! The log: one JSON object a line on standard error. Callers keep tokens, addresses and e-mails out.

use std::{
    fmt::Display,
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::Trace;

static DEBUG: AtomicBool = AtomicBool::new(false);

/// Whether lines of [`Line::debug`] are written from now on.
pub fn show_debug(show: bool) {
    DEBUG.store(show, Ordering::Relaxed);
}

/// A line in the making.
#[must_use = "a line appears when it is written"]
pub struct Line {
    level: &'static str,
    fields: Map<String, Value>,
}

impl Line {
    /// Something an operator must look at.
    pub fn error(message: &str) -> Self {
        Self::new("error", message)
    }

    /// Something that went wrong outside and was dealt with.
    pub fn warn(message: &str) -> Self {
        Self::new("warn", message)
    }

    pub fn info(message: &str) -> Self {
        Self::new("info", message)
    }

    pub fn debug(message: &str) -> Self {
        Self::new("debug", message)
    }

    fn new(level: &'static str, message: &str) -> Self {
        let fields = Map::from_iter([("message".to_owned(), Value::from(message))]);
        Self { level, fields }
    }

    pub fn trace(self, trace: &Trace) -> Self {
        let line = self.field("request_id", &trace.request_id);
        match &trace.traceparent {
            Some(traceparent) => line.field("traceparent", traceparent),
            None => line,
        }
    }

    pub fn field(mut self, name: &str, value: impl Display) -> Self {
        self.fields.insert(name.to_owned(), value.to_string().into());
        self
    }

    pub fn number(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    pub fn write(mut self) {
        if self.level == "debug" && !DEBUG.load(Ordering::Relaxed) {
            return;
        }
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        self.fields.insert("time".to_owned(), time.into());
        self.fields.insert("level".to_owned(), self.level.into());
        let mut text = Value::Object(self.fields).to_string();
        text.push('\n');
        // One write a line, so that lines of concurrent requests don't mix. Nobody is left to tell
        // when standard error is gone.
        std::io::stderr().write_all(text.as_bytes()).unwrap_or_default();
    }
}
