//! The rules of orders: what a valid value is, who may do what, what follows what. Pure functions
//! and types: no I/O, no clock, no host. The current time and new ids are passed in.

mod actor;
mod coordinates;
mod id;
mod invalid;
mod money;
mod order;
mod page;
mod placing;
mod rating;
mod status;
mod text;

pub use actor::{Actor, Role};
pub use coordinates::Coordinates;
pub use id::{OrderId, ProductId, UserId};
pub use invalid::Invalid;
pub use money::Money;
pub use order::{Action, Item, Order};
pub use page::{Cursor, Page, Start};
pub use placing::{CartLine, Catalogued, Delivery, PricedLine, Schedule, price_cart};
pub use rating::Rating;
pub use status::{Refusal, Status, Step};
pub use text::text;
