//! Answers that are sent part by part, while Postgres still reads: none is ever held whole.

use std::time::Duration;

use platform::{DbError, Trace, log::Line, within};

use crate::reply::{Reply, Writer};

/// A client that takes nothing for this long takes nothing any more.
const STALLED: Duration = Duration::from_secs(300);

/// An answer that begins with `first`, which is waited for so that a database that is down still gets its proper answer.
pub fn in_parts(
    content_type: &'static str,
    first: String,
    next: impl AsyncFnMut() -> Result<Option<String>, DbError> + 'static,
    trace: Trace,
) -> Reply {
    Reply::stream(content_type, move |writer| write(first, next, writer, trace))
}

/// Writes the answer. Where a part can't be had it stays unfinished, for the client to see.
async fn write(
    first: String,
    mut next: impl AsyncFnMut() -> Result<Option<String>, DbError>,
    mut writer: Writer,
    trace: Trace,
) {
    let mut part = Some(first);
    while let Some(text) = part {
        let Some(Ok(())) = within(STALLED, writer.write(text)).await else { return };
        part = match next().await {
            Ok(next) => next,
            Err(error) => {
                Line::error("an answer was cut off").trace(&trace).field("error", error).write();
                return;
            }
        };
    }
    writer.finish().await;
}
