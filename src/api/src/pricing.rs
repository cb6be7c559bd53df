//! What shall be ordered, at the prices and with the stock of now.

use std::collections::BTreeMap;

use domain::{Lines, Money, PricedLine, ProductId};
use platform::{Trace, services::Product};

use crate::{App, problem::Problem};

/// Lines that can be ordered.
pub struct Priced {
    pub lines: Vec<PricedLine>,
    pub subtotal: Money,
    pub products: BTreeMap<ProductId, Product>,
}

/// Prices lines by what the catalogue says.
///
/// # Errors
/// 422: what stands in the way of the order; 503: the catalogue doesn't say.
pub async fn price(app: &App, lines: Lines<'_>, trace: &Trace) -> Result<Priced, Problem> {
    let ids = lines.products().map_err(Problem::invalid)?;
    let products = app.products.find(&ids, trace).await?;
    let catalogue = products.iter().map(|(id, product)| (*id, product.catalogued())).collect();
    let (lines, subtotal) = lines.price(&catalogue).map_err(Problem::invalid)?;
    Ok(Priced { lines, subtotal, products })
}
