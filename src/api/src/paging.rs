//! Pages of lists, and the links that lead from one to the next (RFC 8288).

use domain::{Cursor, Page};
use http::{HeaderValue, header};

use crate::{call::Call, reply::Reply};

/// Cuts off the entry that was read beyond the page to see whether there are more; then answers the
/// place where the next page begins.
pub fn cut<T>(found: &mut Vec<T>, page: &Page) -> Option<Cursor>
where
    for<'t> Cursor: From<&'t T>,
{
    let limit = page.limit as usize;
    let is_last = found.len() <= limit;
    found.truncate(limit);
    found.last().filter(|_| !is_last).map(Cursor::from)
}

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
