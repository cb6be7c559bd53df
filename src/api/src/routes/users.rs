//! What is kept about one person, for admins who answer their requests.

use domain::UserId;
use platform::personal_data::{self, Erasure, Export};

use crate::{
    call::Call,
    parts::in_parts,
    problem::{Kind, Problem},
    reply::Reply,
    router::Answer,
};

/// `GET /admin/users/{user_id}/data`: everything, as one document.
pub async fn export(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let mut export = Export::new(person(call)?);
    let first = export.next(&app.db).await?.ok_or_else(nobody)?;
    let next = async move || export.next(&app.db).await;
    Ok(in_parts("application/json", first, next, call.trace.clone()))
}

/// `DELETE /admin/users/{user_id}/data`: the books stay, with nothing in them that tells of the person.
pub async fn erase(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    match personal_data::erase(&app.db, &person(call)?, call.author()?).await? {
        Erasure::Done(orders) => {
            app.order_cache.hold(&app.redis, &orders, None).await;
            Ok(Reply::no_content())
        }
        Erasure::UnderWay(order) => {
            let detail = format!("order {order} is under way; finish or cancel it first");
            Err(Problem::new(Kind::OrderUnderWay, detail))
        }
        Erasure::Unknown => Err(nobody()),
    }
}

fn person(call: &Call) -> Result<UserId, Problem> {
    let text = call.parameter("user_id").unwrap_or_default();
    let text = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| nobody())?;
    UserId::try_from(text.into_owned()).map_err(|_| nobody())
}

fn nobody() -> Problem {
    Problem::not_found("nothing is kept about this person")
}
