//! Lists of orders, newest first, by offset or by a cursor that stays fast at any depth.

use chrono::{DateTime, Utc};
use domain::{Listing, Order, Page, Start, Status, UserId};
use spin_sdk::pg::ParameterValue;

use crate::{
    Database, DbError,
    conditions::Conditions,
    database::one_document,
    parameters::{moment, text},
};

/// An offset further than this takes its time: all orders before it are counted.
const NEAR: u32 = 10_000;

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
        if let Some(courier) = &self.delivery_partner_id {
            conditions.add("delivery_partner_id = {}", text(courier.as_str()));
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

    /// The function of migration 0024 that lists these orders, whose plan is kept, and its first argument; none
    /// for what is asked for seldom.
    fn kept_plan(&self) -> Option<(&'static str, &str)> {
        match self {
            Self {
                user_id: Some(user),
                delivery_partner_id: None,
                status: None,
                created_from: None,
                created_to: None,
            } => Some(("select customer_orders($1, $2, $3, $4)", user.as_str())),
            Self {
                user_id: None,
                delivery_partner_id: None,
                status: Some(status),
                created_from: None,
                created_to: None,
            } => Some(("select status_orders($1, $2, $3, $4)", status.as_str())),
            _ => None,
        }
    }
}

/// A page of the orders that the filter lets through.
pub async fn list(db: &Database, filter: &Filter, page: &Page) -> Result<Listing<Order>, DbError> {
    Ok(page.cut(rows(db, filter, page).await?))
}

async fn rows(db: &Database, filter: &Filter, page: &Page) -> Result<Vec<Order>, DbError> {
    if let (Some((statement, value)), Some(parameters)) = (filter.kept_plan(), window(page)) {
        let parameters = [&[text(value)], parameters.as_slice()].concat();
        return one_document(&db.idempotent(statement, &parameters).await?);
    }
    let (mut conditions, start) = (filter.conditions(), &page.start);
    let page = conditions.page(page);
    let statement = format!(
        "select coalesce(json_agg(row_to_json(d)), '[]')::text from (select * from order_documents {page}) d"
    );
    let rows = match start {
        Start::Offset(offset) if *offset > NEAR => db.alone(&statement, &conditions.parameters).await?,
        _ => db.idempotent(&statement, &conditions.parameters).await?,
    };
    one_document(&rows)
}

/// A page as the functions take it, which know no offset.
fn window(page: &Page) -> Option<[ParameterValue; 3]> {
    let (created_at, id) = match page.start {
        Start::After(cursor) => (moment(cursor.created_at), cursor.id.into()),
        Start::Offset(0) => (ParameterValue::DbNull, ParameterValue::DbNull),
        Start::Offset(_) => return None,
    };
    Some([created_at, id, page.rows().into()])
}
