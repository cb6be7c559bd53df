//! Lists of orders, newest first, by offset or by a cursor that stays fast at any depth.

use chrono::{DateTime, Utc};
use domain::{Order, Page, Status, UserId};

use crate::{
    Database, DbError,
    conditions::Conditions,
    database::document,
    parameters::{moment, text},
};

/// Which orders are asked for; what is none doesn't matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user_id: Option<UserId>,
    pub delivery_partner_id: Option<UserId>,
    pub status: Option<Status>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
}

impl Filter {
    pub(super) fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(user) = &self.user_id {
            conditions.add("user_id = {}", text(user.as_str()));
        }
        if let Some(partner) = &self.delivery_partner_id {
            conditions.add("delivery_partner_id = {}", text(partner.as_str()));
        }
        if let Some(status) = self.status {
            conditions.add("status = {}", text(status.as_str()));
        }
        if let Some(from) = self.created_from {
            conditions.add("created_at >= {}::timestamp at time zone 'utc'", moment(from));
        }
        if let Some(to) = self.created_to {
            conditions.add("created_at <= {}::timestamp at time zone 'utc'", moment(to));
        }
        conditions
    }
}

/// A page of the orders that the filter lets through; one more than the page holds, if there are more.
pub async fn list(db: &Database, filter: &Filter, page: &Page) -> Result<Vec<Order>, DbError> {
    let mut conditions = filter.conditions();
    let page = conditions.page(page);
    let statement = format!(
        "select row_to_json(d)::text from (
            select o.*, (
                select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
            ) as items
            from (select * from orders {page}) o
        ) d"
    );
    db.idempotent(&statement, &conditions.parameters).await?.iter().map(document).collect()
}
