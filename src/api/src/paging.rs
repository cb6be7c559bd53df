//! The links that lead from one page of a list to the next (RFC 8288).

use domain::Cursor;
use http::{HeaderValue, header};

use crate::{call::Call, reply::Reply};

/// Adds the link to the next page, if there is one: the same query after its cursor.
pub fn linked(reply: Reply, call: &Call, path: &str, next: Option<Cursor>) -> Reply {
    let Some(next) = next else { return reply };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.iter().filter(|(name, _)| !matches!(name.as_str(), "cursor" | "offset")) {
        query.append_pair(name, value);
    }
    query.append_pair("cursor", &next.to_string());
    let link = format!("<{path}?{}>; rel=\"next\"", query.finish());
    reply.header(header::LINK, HeaderValue::try_from(link).expect("an encoded query makes a valid header"))
}
