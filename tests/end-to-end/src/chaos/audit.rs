//! The invariants, checked against what the database, the payment service's own books and the
//! notification service hold, and what clients were told.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use domain::Status;
use serde_json::Value;

use super::journal::Journal;
use super::money::cents;
use super::records::{Record, Records};
use super::stage::Stage;

/// A movement of money: its kind, its key, whose it is, and how much.
type Moved = (String, String, String, i64);

/// Everything that isn't as it must be.
pub async fn audit(stage: &Stage, records: &Records, journal: &Journal) -> Result<Vec<String>> {
    let mut violations = journal.contradictions();
    promises(records, journal, &mut violations);
    one_order_for_each_wish(&records.orders, &mut violations);

    let known: BTreeMap<i64, &Record> = records.orders.iter().map(|order| (order.id, order)).collect();
    let told = Told::of(stage.dependencies.all_notifications().await);
    for id in 1..=records.last_order_id {
        let books = stage.dependencies.books(id).await;
        let moved = moved(&books)?;
        let Some(order) = known.get(&id) else {
            if !moved.is_empty() {
                violations.push(format!("money moved for order {id}, which doesn't exist: {books}"));
            }
            continue;
        };
        let mut faults = Vec::new();
        is_settled(order, &mut faults);
        money_is_right(order, moved, &mut faults);
        history_is_whole(order, &mut faults);
        came_due(order, &mut faults);
        customer_was_told(order, &told, &mut faults);
        violations.extend(faults.iter().map(|fault| format!("order {id}, {}: {fault}", order.status)));
    }
    for (answer, count) in journal.answers() {
        if answer.ends_with(": 500") {
            violations.push(format!("answered {count} times: {answer}"));
        }
    }
    Ok(violations)
}

/// Whatever a client was told of an order was true and stays part of its history.
fn promises(records: &Records, journal: &Journal, violations: &mut Vec<String>) {
    let known: BTreeMap<i64, &Record> = records.orders.iter().map(|order| (order.id, order)).collect();
    for ((id, version), seen) in journal.sightings() {
        let Some(order) = known.get(&id) else {
            violations.push(format!("order {id} was seen and doesn't exist"));
            continue;
        };
        let past = order.events.iter().filter(|event| event.version <= version);
        let (mut status, mut total) = (None, None);
        for event in past {
            (status, total) = (event.status.or(status), event.total.or(total));
        }
        let status = status.map(Status::as_str);
        if order.version < version || status != Some(&seen.status) || total != Some(seen.total) {
            violations.push(format!("order {id} was {seen:?} at version {version}: {order:?}"));
        }
    }
    for id in journal.cancellations() {
        if known.get(&id).is_none_or(|order| order.status != Status::Cancelled) {
            violations.push(format!("order {id} was cancelled and isn't"));
        }
    }
    for id in journal.templates().difference(&records.templates) {
        violations.push(format!("template {id} is lost"));
    }
}

/// However often a wish was sent, it was paid at most once.
fn one_order_for_each_wish(orders: &[Record], violations: &mut Vec<String>) {
    let mut paid: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for order in orders {
        if order.ledger.first().is_some_and(|charge| charge.status == "succeeded") {
            paid.entry(&order.delivery_address).or_default().push(order.id);
        }
    }
    for (wish, ids) in paid.into_iter().filter(|(_, ids)| ids.len() > 1) {
        violations.push(format!("{wish} was paid for more than once: orders {ids:?}"));
    }
}

/// Nothing is stuck.
fn is_settled(order: &Record, faults: &mut Vec<String>) {
    if order.status == Status::Pending {
        faults.push("is still pending".into());
    }
    if order.is_checking_out {
        faults.push("its checkout never ended".into());
    }
    faults.extend(order.tasks.iter().map(|task| format!("a task is left: {task}")));
}

fn money_is_right(order: &Record, moved: BTreeSet<Moved>, faults: &mut Vec<String>) {
    if order.total != order.items + order.fee {
        faults.push(format!("its total is {}, items and fee are {}", order.total, order.items + order.fee));
    }
    let pending = order.ledger.iter().filter(|movement| movement.status == "pending").count();
    if pending > 0 {
        faults.push(format!("{pending} movements of money have no outcome"));
    }
    let succeeded = order.ledger.iter().filter(|movement| movement.status == "succeeded");
    let ledger: BTreeSet<Moved> = succeeded
        .map(|entry| (entry.kind.clone(), entry.key.clone(), order.user_id.clone(), entry.cents))
        .collect();
    if ledger != moved {
        faults.push(format!("the ledger has {ledger:?}, the payment service {moved:?}"));
    }
    let sign = |kind: &str| if kind == "charge" { 1 } else { -1 };
    let balance: i64 = moved.iter().map(|(kind, _, _, cents)| sign(kind) * cents).sum();
    let was_paid = order.ledger.first().is_some_and(|charge| charge.status == "succeeded");
    let is_right = match order.status {
        Status::Cancelled | Status::Refunded => balance == 0,
        _ if was_paid => balance == order.total,
        // An admin confirmed it by hand, and then its payment was declined.
        _ => (0..=order.total).contains(&balance),
    };
    if !is_right {
        faults.push(format!("it costs {}, and the customer has paid {balance}", order.total));
    }
}

fn history_is_whole(order: &Record, faults: &mut Vec<String>) {
    let versions: Vec<i64> = order.events.iter().map(|event| event.version).collect();
    if versions != (1..=order.version).collect::<Vec<_>>() {
        faults.push(format!("at version {} its history has {versions:?}", order.version));
    }
    let statuses: Vec<Status> = order.events.iter().filter_map(|event| event.status).collect();
    let is_step = |pair: &[Status]| pair[0] == pair[1] || pair[0].successors().contains(&pair[1]);
    if statuses.first() != Some(&Status::Pending)
        || statuses.last() != Some(&order.status)
        || !statuses.windows(2).all(is_step)
    {
        faults.push(format!("it went through {statuses:?}"));
    }
}

/// A scheduled order comes due once, while it is confirmed; one that was given up or begun before its time
/// doesn't.
fn came_due(order: &Record, faults: &mut Vec<String>) {
    let due: Vec<_> = order.events.iter().filter(|event| event.is_due()).collect();
    let (least, most) = match order.status {
        _ if !order.is_scheduled => (0, 0),
        Status::Confirmed => (1, 1),
        _ => (0, 1),
    };
    if !(least..=most).contains(&due.len()) {
        faults.push(format!("it came due {} times, not {least} to {most}", due.len()));
    }
    for event in due {
        let before = order.events.iter().filter(|other| other.version < event.version);
        let status = before.filter_map(|event| event.status).next_back();
        if status != Some(Status::Confirmed) {
            faults.push(format!("it came due when it was {status:?}"));
        }
    }
}

/// The customer was told of each step, and of a confirmed order that is due. A repetition carries the key of the first, so that the
/// notification service can tell.
fn customer_was_told(order: &Record, told: &Told, faults: &mut Vec<String>) {
    let is_system = |role: &str| role == "system";
    for status in Status::ALL {
        let steps = order.events.iter().filter(|event| match event.kind.as_str() {
            "status" => event.status == Some(status),
            _ => event.is_due() && status == Status::Confirmed,
        });
        let (by_system, by_people): (Vec<_>, Vec<_>) = steps.partition(|event| is_system(&event.actor_role));
        // Whoever asked was told of a refused payment in the answer, if there was one.
        let (least, most) = match status {
            Status::Cancelled => (by_people.len(), by_people.len() + by_system.len()),
            _ => (by_people.len() + by_system.len(), by_people.len() + by_system.len()),
        };
        let keys = told.keys("order-status", order.id, Some(status.as_str()));
        if !(least..=most).contains(&keys) {
            faults.push(format!("of {status} the customer was told {keys} times, not {least} to {most}"));
        }
    }
    // Under an order that was confirmed by hand a decline is an event, too, of which nobody is mailed.
    let approvals =
        order.events.iter().filter(|event| is_system(&event.actor_role) && event.is_approval).count();
    let mails = told.keys("order-confirmation", order.id, None);
    if mails != approvals {
        faults.push(format!("{mails} confirmations were sent for {approvals} payments"));
    }
}

/// The different keys under which the notification service was asked for each message.
struct Told(BTreeMap<(String, i64, Option<String>), BTreeSet<String>>);

impl Told {
    fn of(notifications: Vec<Value>) -> Told {
        let mut told = Told(BTreeMap::new());
        for one in notifications {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let kind = text(&one["path"]).unwrap_or_default();
            let (order, status) = (one["body"]["order_id"].as_i64(), text(&one["body"]["status"]));
            let about = (kind, order.unwrap_or_default(), status);
            told.0.entry(about).or_default().extend(text(&one["idempotency_key"]));
        }
        told
    }

    fn keys(&self, kind: &str, order_id: i64, status: Option<&str>) -> usize {
        let about = (format!("/notifications/{kind}"), order_id, status.map(str::to_owned));
        self.0.get(&about).map_or(0, BTreeSet::len)
    }
}

/// What the payment service has in its books of an order.
fn moved(books: &Value) -> Result<BTreeSet<Moved>> {
    let mut moved = BTreeSet::new();
    for (kind, list) in [("charge", &books["charges"]), ("refund", &books["refunds"])] {
        for entry in list.as_array().into_iter().flatten() {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            moved.insert((
                kind.to_owned(),
                text("idempotency_key"),
                text("user_id"),
                cents(&entry["amount"])?,
            ));
        }
    }
    Ok(moved)
}
