//! The rules of orders: what a valid value is, who may do what, what follows what. Pure functions
//! and types: no I/O, no clock, no host. The current time and new ids are passed in.

mod actor;
mod coordinates;
mod delivery;
mod figure;
mod id;
mod idempotency;
mod invalid;
mod money;
mod number;
mod order;
mod page;
mod period;
mod pricing;
mod quantity;
mod rating;
mod standing;
mod status;
mod template;
mod text;
mod time;

pub use actor::{Actor, Identity, Role};
pub use coordinates::Coordinates;
pub use delivery::{Delivery, Schedule, ScheduledDelivery};
pub use figure::Figure;
pub use id::{OrderId, ProductId, TaskId, TemplateId, UserId};
pub use idempotency::IdempotencyKey;
pub use invalid::{Invalid, both};
pub use money::Money;
pub use number::{json_integer, query_integer};
pub use order::{Item, Order};
pub use page::{Cursor, Listing, Page, Start};
pub use period::Period;
pub use pricing::{CartLine, Catalogued, Lines, MAX_PRODUCTS, PricedLine, holds_the_same, order_lines};
pub use quantity::Quantity;
pub use rating::Rating;
pub use standing::{Action, Standing};
pub use status::{Refusal, Status, Step};
pub use template::{Template, TemplateDraft};
pub use text::{TEXT, optional_text};
pub use time::parse_time;
