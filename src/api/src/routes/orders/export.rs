//! The export of orders, as a file that is written while Postgres still reads.

use std::time::Duration;

use domain::{Invalid, both};
use http::{HeaderValue, header};
use platform::{
    Trace,
    log::Line,
    orders::{Export, Format},
    within,
};

use super::list::filter;
use crate::{
    App,
    call::Call,
    problem::Problem,
    reply::{Reply, Writer},
    router::Answer,
};

/// A client that takes nothing of the file for this long takes nothing any more.
const STALLED: Duration = Duration::from_secs(300);

/// `GET /orders/export`: all orders that the filters of `GET /orders` let through.
pub async fn export(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let (format, filter) = both(format(call), filter(call)).map_err(Problem::invalid)?;
    let mut export = Export::new(filter, format);
    // The first part is waited for: a database that is down still gets its proper answer.
    let first = export.next(&app.db).await?;
    let trace = call.trace.clone();
    let reply = Reply::stream(content_type(format), move |writer| write(app, export, first, writer, trace));
    let disposition =
        format!("attachment; filename=\"orders-{}.{}\"", call.now.format("%Y%m%dT%H%M%SZ"), format.as_str());
    let disposition = HeaderValue::try_from(disposition).expect("a plain name makes a valid header");
    Ok(reply.header(header::CONTENT_DISPOSITION, disposition))
}

/// Writes the file, part by part. Where one can't be had the file stays unfinished, for the client to
/// see.
async fn write(app: &App, mut export: Export, first: Option<String>, mut writer: Writer, trace: Trace) {
    let mut part = first;
    while let Some(text) = part {
        let Some(Ok(())) = within(STALLED, writer.write(text)).await else { return };
        part = match export.next(&app.db).await {
            Ok(next) => next,
            Err(error) => {
                Line::error("an export was cut off").trace(&trace).field("error", error).write();
                return;
            }
        };
    }
    writer.finish().await;
}

fn format(call: &Call) -> Result<Format, Invalid> {
    let name = call.query("format").unwrap_or(Format::Json.as_str());
    Format::named(name).ok_or_else(|| {
        let names = Format::ALL.map(Format::as_str).join(", ");
        Invalid::new("format", format!("must be one of {names}"))
    })
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Ndjson => "application/x-ndjson",
    }
}
