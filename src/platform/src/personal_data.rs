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

/// How many reported locations are handed out or erased at once.
const PART: i32 = 10_000;

/// The place of an event among all: its order and its version.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Place {
    order_id: i32,
    version: i32,
}

/// Everything kept about a person as one JSON document, part by part: a courier may have reported more locations than
/// one answer of Postgres holds.
pub struct Export {
    person: UserId,
    progress: Progress,
}

#[derive(Clone, Copy)]
enum Progress {
    Begun,
    /// What comes before the locations is handed out, and they up to this one.
    Locations(Place),
    Complete,
}

impl Export {
    pub fn new(person: UserId) -> Self {
        Self { person, progress: Progress::Begun }
    }

    /// The next part of the document; none after the last, and for somebody unknown.
    pub async fn next(&mut self, db: &Database) -> Result<Option<String>, DbError> {
        match self.progress {
            Progress::Begun => self.beginning(db).await,
            Progress::Locations(last) => self.locations(db, last).await.map(Some),
            Progress::Complete => Ok(None),
        }
    }

    /// The person's orders with all that belongs to them, and their templates.
    async fn beginning(&mut self, db: &Database) -> Result<Option<String>, DbError> {
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
                    ) t) as templates
                from (select $1::varchar as uid) asked left join users u on u.uid = asked.uid
                where u.uid is not null
                    or exists (select from order_events e where e.actor_id = $1 and e.type = 'location')
            ) d"
        );
        let rows = db.alone(&statement, &[text(self.person.as_str())]).await?;
        let document: Option<Box<RawValue>> = optional_document(&rows)?;
        let Some(document) = document else {
            self.progress = Progress::Complete;
            return Ok(None);
        };
        self.progress = Progress::Locations(Place::default());
        let fields = document.get().strip_suffix('}').unwrap_or_default();
        Ok(Some(format!("{fields},\"reported_locations\":[")))
    }

    /// The next locations that the person has reported as a courier, and what stands around them in the document.
    async fn locations(&mut self, db: &Database, last: Place) -> Result<String, DbError> {
        let statement = format!(
            "select json_build_object('count', count(*),
                'last', case when count(*) > 0 then json_build_object(
                    'order_id', (max(array[order_id, version]))[1], 'version', (max(array[order_id, version]))[2]) end,
                'events', string_agg(row_to_json(e)::text, ',' order by order_id, version))::text
            from (
                select {EVENT} from order_events
                where actor_id = $1 and type = 'location' and (order_id, version) > ($2::int4, $3::int4)
                order by order_id, version limit $4
            ) e"
        );
        #[derive(Deserialize)]
        struct Part {
            count: i32,
            last: Option<Place>,
            events: Option<String>,
        }
        let parameters =
            [text(self.person.as_str()), last.order_id.into(), last.version.into(), i64::from(PART).into()];
        let Part { count, last: place, events } = one_document(&db.alone(&statement, &parameters).await?)?;
        let is_first = last.order_id == 0;
        let separator = if is_first || count == 0 { "" } else { "," };
        let events = events.unwrap_or_default();
        match place.filter(|_| count == PART) {
            Some(place) => {
                self.progress = Progress::Locations(place);
                Ok(format!("{separator}{events}"))
            }
            None => {
                self.progress = Progress::Complete;
                Ok(format!("{separator}{events}]}}"))
            }
        }
    }
}

/// Erases what is kept about a person, unless one of their orders is under way.
pub async fn erase(db: &Database, person: &UserId, author: Author<'_>) -> Result<Erasure, DbError> {
    #[derive(Deserialize)]
    struct Outcome {
        is_known: bool,
        under_way: Option<OrderId>,
        erased: Option<Vec<OrderId>>,
    }
    erase_locations(db, person).await?;
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

/// Erases what a person has reported as a courier, unless one of their orders is under way: part by part, so that what is
/// done stays done, however much there is.
async fn erase_locations(db: &Database, person: &UserId) -> Result<(), DbError> {
    let statement = "select erase_locations($1, $2, $3, $4)";
    let mut last = Some(Place::default());
    while let Some(Place { order_id, version }) = last {
        let parameters = [text(person.as_str()), order_id.into(), version.into(), PART.into()];
        last = optional_document(&db.alone(statement, &parameters).await?)?;
    }
    Ok(())
}
