//! The product service: what is sold, for how much, and how much of it is there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{Catalogued, Money, ProductId};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{CallError, Client, ProductCache, ServiceDown, exchange::Answer};
use crate::{Redis, Trace, log::Line};

/// How many products are asked for at once.
const CONCURRENT: usize = 16;

/// A product as the specification's `ProductResponse` shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ProductResponse")]
pub struct Product {
    pub id: ProductId,
    pub name: String,
    pub description: Option<String>,
    pub price: Money,
    pub mrp: Option<Money>,
    pub category_id: Option<i64>,
    pub image_url: Option<String>,
    #[serde(default)]
    pub stock_quantity: i64,
    pub unit: Option<String>,
    #[serde(default = "yes")]
    pub is_active: bool,
    pub created_at: Option<String>,
}

fn yes() -> bool {
    true
}

/// Products as they are shown, each the JSON of a [`Product`]: what comes from a cache to be shown is not
/// taken apart on the way.
pub type Documents = BTreeMap<ProductId, Box<RawValue>>;

impl Product {
    /// This product as it is shown.
    pub fn document(&self) -> Box<RawValue> {
        to_raw_value(self).expect("our own types have no unserializable values")
    }

    /// What decides whether and for how much it is sold.
    pub fn catalogued(&self) -> Catalogued {
        Catalogued {
            name: self.name.chars().filter(|c| *c != '\0').take(255).collect(),
            price: self.price,
            stock_quantity: self.stock_quantity,
            is_active: self.is_active,
        }
    }
}

pub struct Products {
    pub client: Client,
    pub cache: ProductCache,
}

impl Products {
    /// Those of the products that exist, by their ids.
    ///
    /// # Errors
    /// The service doesn't answer for each of them.
    pub async fn find(
        &self,
        ids: &BTreeSet<ProductId>,
        trace: &Trace,
    ) -> Result<BTreeMap<ProductId, Product>, ServiceDown> {
        stream::iter(ids)
            .map(|id| async move { self.one(*id, trace).await.map(|product| product.map(|p| (*id, p))) })
            .buffer_unordered(CONCURRENT)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    /// As [`Products::find`], for showing: from the cache where it has them, and what can't be had now as
    /// it was last seen, or left out.
    pub async fn details(
        &self,
        redis: &Redis,
        ids: &BTreeSet<ProductId>,
        (trace, now): (&Trace, DateTime<Utc>),
    ) -> Documents {
        let mut seen = self.cache.get(redis, ids, now).await;
        let unknown = ids.iter().filter(|id| !seen.fresh.contains_key(id));
        let asked: Vec<_> = stream::iter(unknown)
            .map(|id| async move { (*id, self.one(*id, trace).await) })
            .buffer_unordered(CONCURRENT)
            .collect()
            .await;
        let mut found = Documents::new();
        for (id, answer) in asked {
            let product = answer.map(|product| product.as_ref().map(Product::document));
            let product = product.unwrap_or_else(|error| {
                Line::warn("a product is shown as it was last seen, if at all")
                    .trace(trace)
                    .field("error", error)
                    .write();
                seen.outdated.remove(&id)
            });
            found.extend(product.map(|product| (id, product)));
        }
        self.cache.put(redis, &found, now).await;
        found.append(&mut seen.fresh);
        found
    }

    async fn one(&self, id: ProductId, trace: &Trace) -> Result<Option<Product>, ServiceDown> {
        let path = format!("/api/products/{id}");
        let found = self.client.get(&path, trace, |answer| match answer.status {
            StatusCode::OK => read(answer, id).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.unexpected()),
        });
        found.await.map_err(|error| self.client.down(&error))
    }
}

/// The product that was asked for, and no other.
fn read(answer: &Answer, id: ProductId) -> Result<Product, CallError> {
    let product: Product = answer.json()?;
    if product.id == id {
        Ok(product)
    } else {
        Err(CallError::NoAnswer(format!("it answered product {} for {id}", product.id)))
    }
}
