//! What clients were told: it must hold whatever happened afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Counts;
use super::money::cents;

/// An order as a client saw it at one of its versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    pub status: String,
    pub total: i64,
}

#[derive(Default)]
pub struct Journal(RefCell<Notes>);

#[derive(Default)]
struct Notes {
    /// By order and version.
    sightings: BTreeMap<(i64, i64), Sighting>,
    cancelled: BTreeSet<i64>,
    templates: BTreeSet<i64>,
    placed: BTreeSet<i64>,
    answers: Counts,
    contradictions: Vec<String>,
}

impl Journal {
    pub fn answered(&self, what: &str, answer: &str) {
        *self.0.borrow_mut().answers.entry(format!("{what}: {answer}")).or_default() += 1;
    }

    /// A client has read this order, or list of orders; anything else is passed over.
    pub fn saw(&self, json: &Value) {
        for order in json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice) {
            let (Some(id), Some(version), Some(status), Ok(total)) = (
                order["id"].as_i64(),
                order["version"].as_i64(),
                order["status"].as_str(),
                cents(&order["total_amount"]),
            ) else {
                continue;
            };
            let sighting = Sighting { status: status.to_owned(), total };
            let notes = &mut *self.0.borrow_mut();
            let first = notes.sightings.entry((id, version)).or_insert_with(|| sighting.clone());
            if *first != sighting {
                let contradiction = format!("order {id} was {first:?} and {sighting:?} at version {version}");
                notes.contradictions.push(contradiction);
            }
        }
    }

    pub fn placed(&self, order_id: i64) {
        self.0.borrow_mut().placed.insert(order_id);
    }

    pub fn cancelled(&self, order_id: i64) {
        self.0.borrow_mut().cancelled.insert(order_id);
    }

    pub fn kept_template(&self, id: i64) {
        self.0.borrow_mut().templates.insert(id);
    }

    pub fn answers(&self) -> Counts {
        self.0.borrow().answers.clone()
    }

    pub fn orders(&self) -> usize {
        self.0.borrow().placed.len()
    }

    pub fn sightings(&self) -> BTreeMap<(i64, i64), Sighting> {
        self.0.borrow().sightings.clone()
    }

    pub fn cancellations(&self) -> BTreeSet<i64> {
        self.0.borrow().cancelled.clone()
    }

    pub fn templates(&self) -> BTreeSet<i64> {
        self.0.borrow().templates.clone()
    }

    pub fn contradictions(&self) -> Vec<String> {
        self.0.borrow().contradictions.clone()
    }
}
