//! The product service: what is sold, for how much, and how much of it is there.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Catalogued, Money, ProductId};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CallError, Client, ServiceDown, client::Answer};
use crate::{Trace, log::Line};

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

impl Product {
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

pub struct Products(pub Client);

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

    /// As [`Products::find`], for showing: what can't be had now is left out.
    pub async fn details(&self, ids: &BTreeSet<ProductId>, trace: &Trace) -> BTreeMap<ProductId, Product> {
        stream::iter(ids)
            .map(|id| async move { (*id, self.one(*id, trace).await) })
            .buffer_unordered(CONCURRENT)
            .filter_map(|(id, found)| async move {
                let product = found.unwrap_or_else(|error| {
                    Line::warn("a product is shown without details")
                        .trace(trace)
                        .field("error", error)
                        .write();
                    None
                });
                product.map(|product| (id, product))
            })
            .collect()
            .await
    }

    async fn one(&self, id: ProductId, trace: &Trace) -> Result<Option<Product>, ServiceDown> {
        let path = format!("/api/products/{id}");
        let found = self.0.get(&path, trace, |answer| match answer.status {
            StatusCode::OK => read(answer, id).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.unexpected()),
        });
        found.await.map_err(|error| self.0.down(&error))
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
