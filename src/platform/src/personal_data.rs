//! What is kept about one person: handed out and erased when they ask for it.

use domain::{OrderId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Author, Database, DbError,
    database::{one_document, optional_document},
    orders::exported_columns,
    parameters::text,
};

/// An event as it is handed out.
const EVENT: &str =
    "order_id, version, type, actor_id, actor_role, data, request_id, rfc3339(created_at) as created_at";

/// What became of a wish to be forgotten.
#[derive(Debug)]
pub enum Erasure {
    Done(Vec<OrderId>),
    /// One of the orders is under way.
    UnderWay(OrderId),
    /// Nothing is kept about this person.
    Unknown,
}

/// Everything kept about a person as one JSON document: their orders with all that belongs to them, their
/// templates, and where they were as a courier. None for somebody unknown.
pub async fn export(db: &Database, person: &UserId) -> Result<Option<Box<RawValue>>, DbError> {
    let order = exported_columns();
    let statement = format!(
        "select row_to_json(d)::text from (
            select $1 as user_id, u.email, rfc3339(u.created_at) as created_at,
                (select coalesce(json_agg(row_to_json(o) order by o.id), '[]') from (
                    select {order},
                        (select row_to_json(f) from (
                            select rating, comment, rfc3339(created_at) as created_at
                            from order_feedback where order_id = o.id
                        ) f) as feedback,
                        (select coalesce(json_agg(row_to_json(p) order by p.seq), '[]') from (
                            select seq, kind, amount, status, idempotency_key, reference,
                                rfc3339(created_at) as created_at, rfc3339(settled_at) as settled_at
                            from payments where order_id = o.id
                        ) p) as payments,
                        (select coalesce(json_agg(row_to_json(e) order by e.version), '[]')
                            from (select {EVENT} from order_events where order_id = o.id) e) as events
                    from orders o where user_id = $1
                ) o) as orders,
                (select coalesce(json_agg(row_to_json(t) order by t.id), '[]') from (
                    select id, name, items, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at
                    from order_templates where user_id = $1
                ) t) as templates,
                (select coalesce(json_agg(row_to_json(e) order by e.order_id, e.version), '[]') from (
                    select {EVENT} from order_events where actor_id = $1 and type = 'location'
                ) e) as reported_locations
            from (select $1::varchar as uid) asked left join users u on u.uid = asked.uid
            where u.uid is not null
                or exists (select from order_events e where e.actor_id = $1 and e.type = 'location')
        ) d"
    );
    optional_document(&db.alone(&statement, &[text(person.as_str())]).await?)
}

/// Erases what is kept about a person, unless one of their orders is under way.
pub async fn erase(db: &Database, person: &UserId, author: Author<'_>) -> Result<Erasure, DbError> {
    #[derive(Deserialize)]
    struct Outcome {
        is_known: bool,
        under_way: Option<OrderId>,
        erased: Option<Vec<OrderId>>,
    }
    // A function, for it locks before it looks: what was read before waiting would be outdated.
    let statement = "select erase_person($1, $2, $3)";
    let [admin, _, request, _] = author.parameters();
    let parameters = [text(person.as_str()), admin, request];
    let outcome: Outcome = one_document(&db.alone(statement, &parameters).await?)?;
    Ok(match outcome {
        Outcome { under_way: Some(order), .. } => Erasure::UnderWay(order),
        Outcome { is_known: true, erased, .. } => Erasure::Done(erased.unwrap_or_default()),
        Outcome { .. } => Erasure::Unknown,
    })
}
