//! The cart service: what a customer wants to buy.

use domain::{CartLine, UserId};
use http::StatusCode;
use serde::Deserialize;

use super::{Client, ServiceDown, client::segment};
use crate::Trace;

pub struct Carts(pub Client);

#[derive(Deserialize)]
struct Cart {
    #[serde(default)]
    items: Vec<CartLine>,
}

impl Carts {
    /// The lines of a customer's cart; none when there is no cart.
    pub async fn lines(&self, user: &UserId, trace: &Trace) -> Result<Vec<CartLine>, ServiceDown> {
        let path = format!("/api/v1/cart/{}", segment(user.as_str()));
        let answer = self.0.get(&path, trace).await.map_err(|error| self.0.down(&error))?;
        match answer.status {
            StatusCode::OK => serde_json::from_slice::<Cart>(&answer.body)
                .map(|cart| cart.items)
                .map_err(|error| ServiceDown::sent_nonsense(self.0.service, &error)),
            StatusCode::NOT_FOUND => Ok(Vec::new()),
            status => Err(ServiceDown::answered(self.0.service, status)),
        }
    }

    /// Empties a customer's cart; one that is gone already is as good.
    pub async fn clear(&self, user: &UserId, trace: &Trace) -> Result<(), ServiceDown> {
        let path = format!("/api/v1/cart/{}/clear", segment(user.as_str()));
        let answer = self.0.delete(&path, trace).await.map_err(|error| self.0.down(&error))?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(ServiceDown::answered(self.0.service, status)),
        }
    }
}
