//! The product service's catalogue: a small grocery, and whatever tests add or change.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// The JSON object of a product, kept as such: a test may put anything into any field.
pub type Product = Map<String, Value>;

pub struct Catalogue {
    by_id: HashMap<String, Product>,
}

impl Catalogue {
    pub fn get(&self, id: &str) -> Option<&Product> {
        self.by_id.get(id)
    }

    /// Changes the given fields. A product that is not there yet starts as a plain one.
    pub fn put(&mut self, id: &str, fields: Product) -> &Product {
        let product = self.by_id.entry(id.into()).or_insert_with(|| plain_product(id));
        product.extend(fields);
        product
    }

    pub fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
    }
}

impl Default for Catalogue {
    fn default() -> Catalogue {
        let by_id =
            GROCERIES.iter().zip(1..).map(|(grocery, id)| (id.to_string(), grocery.product(id))).collect();
        Catalogue { by_id }
    }
}

struct Grocery {
    name: &'static str,
    description: &'static str,
    price: f64,
    mrp: f64,
    category_id: u32,
    stock_quantity: u32,
    unit: &'static str,
}

impl Grocery {
    fn product(&self, id: u32) -> Product {
        let slug = self.name.to_lowercase().replace(' ', "-");
        object(json!({
            "id": id,
            "name": self.name,
            "description": self.description,
            "price": self.price,
            "mrp": self.mrp,
            "category_id": self.category_id,
            "image_url": format!("https://example.com/images/{slug}.jpg"),
            "stock_quantity": self.stock_quantity,
            "unit": self.unit,
            "is_active": true,
            "created_at": "2023-01-01T00:00:00Z",
        }))
    }
}

pub fn plain_product(id: &str) -> Product {
    object(json!({
        // As a number where it is one, like the catalogue's own.
        "id": id.parse::<i64>().map_or_else(|_| json!(id), |id| json!(id)),
        "name": format!("Product {id}"),
        "description": "Made for a test",
        "price": 1.00,
        "mrp": 1.00,
        "category_id": 1,
        "image_url": "https://example.com/images/product.jpg",
        "stock_quantity": 100,
        "unit": "piece",
        "is_active": true,
        "created_at": "2023-01-01T00:00:00Z",
    }))
}

fn object(value: Value) -> Product {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

const fn grocery(
    name: &'static str,
    description: &'static str,
    (price, mrp): (f64, f64),
    category_id: u32,
    stock_quantity: u32,
    unit: &'static str,
) -> Grocery {
    Grocery { name, description, price, mrp, category_id, stock_quantity, unit }
}

/// Categories: 1 fruit and vegetables, 2 bakery, 3 dairy and cheese, 4 pantry, 5 drinks. Ids count from 1.
const GROCERIES: [Grocery; 20] = [
    grocery("Banana", "Ripe bananas", (1.49, 1.99), 1, 10_000, "kg"),
    grocery("Tomato", "Vine tomatoes", (3.29, 3.79), 1, 10_000, "kg"),
    grocery("Potato", "Waxy potatoes", (1.89, 2.19), 1, 10_000, "kg"),
    grocery("Avocado", "Ready to eat", (1.25, 1.60), 1, 10_000, "piece"),
    grocery("Apple", "Fresh red apples", (2.99, 3.99), 1, 10_000, "kg"),
    grocery("Sourdough Bread", "Baked this morning", (4.50, 4.50), 2, 10_000, "loaf"),
    grocery("Croissant", "With butter", (1.80, 2.00), 2, 10_000, "piece"),
    grocery("Olive Oil", "Extra virgin, cold pressed", (14.99, 16.99), 4, 10_000, "litre"),
    grocery("Whole Milk", "From pastured cows", (1.19, 1.29), 3, 10_000, "litre"),
    grocery("Butter", "Lightly salted", (2.79, 2.99), 3, 10_000, "250 g"),
    grocery("Manchego", "Aged six months", (7.95, 8.95), 3, 10_000, "300 g"),
    grocery("Eggs", "Ten free-range eggs", (3.49, 3.69), 3, 10_000, "box"),
    grocery("Spaghetti", "Durum wheat", (1.59, 1.79), 4, 10_000, "500 g"),
    grocery("Basmati Rice", "Long and fragrant", (3.99, 4.49), 4, 10_000, "kg"),
    grocery("Chickpeas", "Ready cooked", (0.99, 1.09), 4, 10_000, "tin"),
    grocery("Dark Chocolate", "70 % cocoa", (2.49, 2.99), 4, 10_000, "bar"),
    grocery("Ground Coffee", "Medium roast", (5.99, 6.99), 5, 10_000, "500 g"),
    grocery("Green Tea", "Twenty bags", (2.29, 2.59), 5, 10_000, "box"),
    grocery("Orange Juice", "Freshly pressed", (3.19, 3.49), 5, 10_000, "litre"),
    grocery("Mineral Water", "Sparkling", (0.69, 0.79), 5, 10_000, "bottle"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_apple_is_number_five() {
        let catalogue = Catalogue::default();
        let apple = catalogue.get("5").unwrap();
        assert_eq!(apple["id"], 5);
        assert_eq!(apple["name"], "Apple");
        assert_eq!(apple["price"].to_string(), "2.99");
        assert!(catalogue.get("21").is_none());
    }

    #[test]
    fn a_put_changes_only_the_given_fields() {
        let mut catalogue = Catalogue::default();
        catalogue.put("5", object(json!({ "price": 0.10 })));
        assert_eq!(catalogue.get("5").unwrap()["price"], 0.10);
        assert_eq!(catalogue.get("5").unwrap()["name"], "Apple");
        catalogue.put("1000", object(json!({ "stock_quantity": 1 })));
        assert_eq!(catalogue.get("1000").unwrap()["id"], 1000);
        catalogue.remove("1000");
        assert!(catalogue.get("1000").is_none());
    }
}
