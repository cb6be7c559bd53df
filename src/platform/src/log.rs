//! The log: one line for each thing worth telling, on standard error, as a JSON object or in a readable
//! form. Callers keep tokens, addresses and e-mails out.

use std::{
    fmt::{Display, Write as _},
    io::Write as _,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use chrono::{SecondsFormat, Utc};
use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::Value;

use crate::{
    Trace,
    variables::{self, Misconfigured},
};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The lowest level that is written.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
/// Whether people read the lines as they come.
static READABLE: AtomicBool = AtomicBool::new(false);
/// Who writes.
static COMPONENT: OnceLock<&'static str> = OnceLock::new();

/// Reads `log_level`, `log_format` and `debug`, which is the older name of the lowest level.
///
/// # Errors
/// A variable that can't be used.
pub async fn configure(component: &'static str) -> Result<(), Misconfigured> {
    COMPONENT.get_or_init(|| component);
    let is_debug = variables::says("debug", ["true", "false"]).await?;
    let level = if is_debug { Level::Debug } else { variables::parsed("log_level").await? };
    LEVEL.store(level as u8, Ordering::Relaxed);
    READABLE.store(variables::says("log_format", ["text", "json"]).await?, Ordering::Relaxed);
    Ok(())
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.as_str() == name)
            .ok_or("must be debug, info, warn or error")
    }
}

/// A line in the making.
#[must_use = "a line appears when it is written"]
pub struct Line {
    level: Level,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// Something an operator must look at.
    pub fn error(message: &str) -> Self {
        Self::new(Level::Error, message)
    }

    /// Something that went wrong outside and was dealt with.
    pub fn warn(message: &str) -> Self {
        Self::new(Level::Warn, message)
    }

    pub fn info(message: &str) -> Self {
        Self::new(Level::Info, message)
    }

    pub fn debug(message: &str) -> Self {
        Self::new(Level::Debug, message)
    }

    fn new(level: Level, message: &str) -> Self {
        Self { level, message: message.to_owned(), fields: Vec::new() }
    }

    pub fn trace(self, trace: &Trace) -> Self {
        let line = self.field("request_id", &trace.request_id);
        match trace.trace_id() {
            Some(id) => line.field("trace_id", id),
            None => line,
        }
    }

    pub fn field(self, name: &'static str, value: impl Display) -> Self {
        if self.is_written() { self.value(name, value.to_string()) } else { self }
    }

    pub fn value(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        if self.is_written() {
            self.fields.push((name, value.into()));
        }
        self
    }

    /// Whether the line matters enough. No field is made for one that doesn't.
    fn is_written(&self) -> bool {
        self.level as u8 >= LEVEL.load(Ordering::Relaxed)
    }

    pub fn write(self) {
        if !self.is_written() {
            return;
        }
        let mut text = if READABLE.load(Ordering::Relaxed) { self.readable() } else { self.json() };
        text.push('\n');
        // One write a line, so that lines of concurrent requests don't mix. Nobody is left to tell
        // when standard error is gone.
        std::io::stderr().write_all(text.as_bytes()).unwrap_or_default();
    }

    fn json(&self) -> String {
        let mut text = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::new(&mut text);
        let written = serializer.serialize_map(None).and_then(|mut map| {
            map.serialize_entry("time", &Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true))?;
            map.serialize_entry("level", self.level.as_str())?;
            map.serialize_entry("message", &self.message)?;
            map.serialize_entry("component", &COMPONENT.get())?;
            for (name, value) in &self.fields {
                map.serialize_entry(name, value)?;
            }
            map.end()
        });
        written.expect("texts and numbers can be serialized");
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// `12:00:00.000  WARN what happened  name=value …`
    fn readable(&self) -> String {
        let level = self.level.as_str().to_uppercase();
        let message = self.message.replace(char::is_control, " ");
        let mut text = format!("{} {level:>5} {message} ", Utc::now().format("%H:%M:%S%.3f"));
        for (name, value) in &self.fields {
            write!(text, " {name}={value}").expect("a text takes any text");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object_whatever_it_says() {
        let line = Line::warn("a \"quoted\"\nmessage").field("error", "line\nbreak").value("order_id", 7);
        let text = line.json();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(read["level"], "warn");
        assert_eq!(read["message"], "a \"quoted\"\nmessage");
        assert_eq!((&read["error"], &read["order_id"]), (&Value::from("line\nbreak"), &Value::from(7)));
    }

    #[test]
    fn levels_have_names_and_an_order() {
        assert_eq!("warn".parse(), Ok(Level::Warn));
        assert!("loud".parse::<Level>().is_err());
        assert!(Level::Debug < Level::Info && Level::Warn < Level::Error);
    }

    #[test]
    fn the_readable_form_stays_on_one_line() {
        let text = Line::info("done").field("path", "/a b").field("error", "x\ny").readable();
        assert!(text.ends_with(r#" INFO done  path="/a b" error="x\ny""#), "{text}");
    }
}
