//! The product service: what is sold, for how much, and how much of it is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{Catalogued, Money, ProductId};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use spin_sdk::time::sleep;

use super::{CallError, Client, ProductCache, ServiceDown, exchange::Answer};
use crate::{Redis, Trace, log::Line, timeout::within};

/// How many products are asked for at once.
const CONCURRENT: usize = 16;

/// A product as the specification's `ProductResponse` shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ProductResponse")]
pub struct Product {
    pub id: ProductId,
    pub name: String,
    #[serde(default, deserialize_with = "if_usable")]
    pub description: Option<String>,
    pub price: Money,
    #[serde(default, deserialize_with = "if_usable")]
    pub mrp: Option<Money>,
    #[serde(default, deserialize_with = "if_usable")]
    pub category_id: Option<i64>,
    #[serde(default, deserialize_with = "if_usable")]
    pub image_url: Option<String>,
    #[serde(default)]
    pub stock_quantity: i64,
    #[serde(default, deserialize_with = "if_usable")]
    pub unit: Option<String>,
    #[serde(default = "yes")]
    pub is_active: bool,
    #[serde(default, deserialize_with = "if_usable")]
    pub created_at: Option<String>,
}

/// What is only shown must not keep a product from being sold, whatever the catalogue has there.
fn if_usable<'de, D: Deserializer<'de>, T: DeserializeOwned>(value: D) -> Result<Option<T>, D::Error> {
    let json = Box::<RawValue>::deserialize(value)?;
    Ok(serde_json::from_str(json.get()).ok())
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

/// What the catalogue has under an id.
enum Found {
    Product(Box<Product>),
    Nothing,
    /// A product without a price or a stock that make sense; which of them, for the log.
    Unusable(String),
}

/// What is read of a product that can't be read whole.
#[derive(Deserialize)]
struct Named {
    id: ProductId,
}

impl Products {
    /// Those of the products that exist and can be sold, by their ids.
    ///
    /// # Errors
    /// The service doesn't answer for each of them, or takes longer for all than for two.
    pub async fn find(
        &self,
        ids: &BTreeSet<ProductId>,
        trace: &Trace,
    ) -> Result<BTreeMap<ProductId, Product>, ServiceDown> {
        let found = stream::iter(ids)
            .map(|id| async move { self.one(*id, trace).await.map(|found| found.sold(*id, trace)) })
            .buffer_unordered(CONCURRENT)
            .try_filter_map(|sold| async move { Ok(sold) })
            .try_collect();
        let limit = self.longest();
        let late = || CallError::NoAnswer(format!("not all {} products within {limit:?}", ids.len()));
        within(limit, found).await.unwrap_or_else(|| Err(self.client.down(&late())))
    }

    /// How long any number of products may take.
    fn longest(&self) -> Duration {
        2 * self.client.timeout()
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
        let unknown: Vec<_> = ids.iter().filter(|id| !seen.fresh.contains_key(id)).collect();
        if unknown.is_empty() {
            return seen.fresh;
        }
        // However many there are, they take no longer than two calls: the first are waited for to their end, and judged.
        let asked: Vec<_> = stream::iter(unknown)
            .map(|id| async move { (*id, self.one(*id, trace).await) })
            .buffer_unordered(CONCURRENT)
            .take_until(sleep(self.longest()))
            .collect()
            .await;
        let mut found = Documents::new();
        for (id, answer) in asked {
            match answer.map_err(|error| error.to_string()).and_then(Found::usable) {
                Ok(product) => {
                    seen.outdated.remove(&id);
                    found.extend(product.map(|product| (id, product.document())));
                }
                Err(error) => {
                    let line = Line::warn("a product is shown as it was last seen, if at all").trace(trace);
                    line.value("product_id", id.get()).field("error", error).write();
                }
            }
        }
        self.cache.put(redis, &found, now).await;
        found.append(&mut seen.outdated);
        found.append(&mut seen.fresh);
        found
    }

    async fn one(&self, id: ProductId, trace: &Trace) -> Result<Found, ServiceDown> {
        let path = format!("/api/products/{id}");
        let found = self.client.get(&path, trace, |answer| match answer.status {
            StatusCode::OK => read(answer, id),
            StatusCode::NOT_FOUND => Ok(Found::Nothing),
            _ => Err(answer.unexpected()),
        });
        found.await.map_err(|error| self.client.down(&error))
    }
}

impl Found {
    /// The product, if there is one; or why it is of no use.
    fn usable(self) -> Result<Option<Product>, String> {
        match self {
            Self::Product(product) => Ok(Some(*product)),
            Self::Nothing => Ok(None),
            Self::Unusable(error) => Err(error),
        }
    }

    /// The product by its id, if it can be sold.
    fn sold(self, id: ProductId, trace: &Trace) -> Option<(ProductId, Product)> {
        let product = self.usable().unwrap_or_else(|error| {
            let line = Line::warn("a product can't be sold as the catalogue has it").trace(trace);
            line.value("product_id", id.get()).field("error", error).write();
            None
        });
        product.map(|product| (id, product))
    }
}

/// The product that was asked for, and no other.
fn read(answer: &Answer, id: ProductId) -> Result<Found, CallError> {
    let product: Result<Box<Product>, _> = answer.json();
    let answered = match &product {
        Ok(product) => product.id,
        Err(_) => answer.json::<Named>()?.id,
    };
    if answered != id {
        return Err(CallError::NoAnswer(format!("it answered product {answered} for {id}")));
    }
    Ok(product.map_or_else(|error| Found::Unusable(error.to_string()), Found::Product))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_shown_keeps_no_product_from_being_sold() {
        let odd = r#"{"id": 5, "name": "Apple", "price": 2.99, "stock_quantity": 3, "mrp": 3.999,
            "category_id": "fruit", "unit": 7, "image_url": [], "created_at": {}}"#;
        let product: Product = serde_json::from_str(odd).unwrap();
        assert_eq!((product.catalogued().price.to_string(), product.stock_quantity), ("2.99".to_owned(), 3));
        assert_eq!((product.mrp, product.category_id, product.unit), (None, None, None));

        for wrong in [r#""price": 2.999, "stock_quantity": 3"#, r#""price": 2.99, "stock_quantity": "3""#] {
            let product = format!(r#"{{"id": 5, "name": "Apple", {wrong}}}"#);
            assert!(serde_json::from_str::<Product>(&product).is_err(), "{wrong}");
        }
        let whole =
            r#"{"id": 5, "name": "Apple", "price": 2.99, "mrp": 3.99, "category_id": 1, "unit": null}"#;
        let product: Product = serde_json::from_str(whole).unwrap();
        assert_eq!((product.mrp.unwrap().to_string(), product.category_id), ("3.99".to_owned(), Some(1)));
    }
}
