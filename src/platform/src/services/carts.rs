//! The cart service: what a customer wants to buy.

use domain::{CartLine, UserId, holds_the_same};
use http::StatusCode;
use serde::Deserialize;

use super::{Client, ServiceDown, client::segment};
use crate::Trace;

pub struct Carts {
    pub reads: Client,
    clearings: Client,
}

#[derive(Deserialize)]
struct Cart {
    #[serde(default)]
    items: Vec<CartLine>,
}

impl Carts {
    pub fn new(client: Client) -> Self {
        Self { clearings: client.apart("cart-clear"), reads: client }
    }

    /// The lines of a customer's cart; none when there is no cart.
    pub async fn lines(&self, user: &UserId, trace: &Trace) -> Result<Vec<CartLine>, ServiceDown> {
        let path = format!("/api/v1/cart/{}", segment(user.as_str()));
        let lines = self.reads.get(&path, trace, |answer| match answer.status {
            StatusCode::OK => answer.json::<Cart>().map(|cart| cart.items),
            StatusCode::NOT_FOUND => Ok(Vec::new()),
            _ => Err(answer.unexpected()),
        });
        lines.await.map_err(|error| self.reads.down(&error))
    }

    /// Empties a customer's cart if it holds these lines, no more and no less: what the customer has put into it since is
    /// to be ordered next.
    pub async fn clear_if_unchanged(
        &self,
        user: &UserId,
        ordered: &[CartLine],
        trace: &Trace,
    ) -> Result<(), ServiceDown> {
        if holds_the_same(&self.lines(user, trace).await?, ordered) {
            self.clear(user, trace).await?;
        }
        Ok(())
    }

    /// Empties a customer's cart; one that is gone already is as good.
    async fn clear(&self, user: &UserId, trace: &Trace) -> Result<(), ServiceDown> {
        let path = format!("/api/v1/cart/{}/clear", segment(user.as_str()));
        let cleared = self.clearings.delete(&path, trace, |answer| match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(answer.unexpected()),
        });
        cleared.await.map_err(|error| self.clearings.down(&error))
    }
}
