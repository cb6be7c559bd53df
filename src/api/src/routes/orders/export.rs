//! The export of orders, as a file that is written while Postgres still reads.

use domain::{Invalid, both};
use http::{HeaderValue, header};
use platform::orders::{Export, Format};

use super::list::filter;
use crate::{call::Call, parts::in_parts, problem::Problem, router::Answer};

/// `GET /orders/export`: all orders that the filters of `GET /orders` let through.
pub async fn export(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let (format, filter) = both(format(call), filter(call)).map_err(Problem::invalid)?;
    let mut export = Export::new(filter, format);
    let first = export.next(&app.db).await?.unwrap_or_default();
    let next = async move || export.next(&app.db).await;
    let reply = in_parts(content_type(format), first, next, call.trace.clone());
    let disposition =
        format!("attachment; filename=\"orders-{}.{}\"", call.now.format("%Y%m%dT%H%M%SZ"), format.as_str());
    let disposition = HeaderValue::try_from(disposition).expect("a plain name makes a valid header");
    Ok(reply.header(header::CONTENT_DISPOSITION, disposition))
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
