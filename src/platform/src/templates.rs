//! Templates in Postgres.

use domain::{Actor, Listing, Page, Template, TemplateDraft, TemplateId, UserId};
use serde_json::json;

use crate::{
    Database, DbError,
    conditions::Conditions,
    customer::noting_customer,
    database::{documents, one_document, optional_document},
    idempotency::{self, Change, Claim},
    parameters::{optional_text, text},
};

/// Keeps a template of the customer's, and notes the customer. With a claim it is done once.
pub async fn create(
    db: &Database,
    customer: &Actor,
    draft: &TemplateDraft,
    claim: Option<&Claim>,
) -> Result<Template, DbError> {
    const CHANGE: Change<'_> = Change {
        with: concat!(
            "customer as (",
            noting_customer!(),
            "), kept as (
                insert into order_templates (user_id, name, items) values ($1, $3, $4::text::jsonb)
                returning *
            )"
        ),
        answer: "select row_to_json(k)::text from kept k",
    };
    let parameters = [
        text(customer.id.as_str()),
        optional_text(customer.email.as_deref()),
        text(&draft.name),
        text(&json!(draft.items).to_string()),
    ];
    one_document(&idempotency::change(db, claim, CHANGE, &parameters).await?)
}

/// A page of the customer's templates.
pub async fn list(db: &Database, customer: &UserId, page: &Page) -> Result<Listing<Template>, DbError> {
    let mut conditions = Conditions::default();
    conditions.add("user_id = {}", text(customer.as_str()));
    let window = conditions.page(page);
    let statement = format!("select row_to_json(t)::text from (select * from order_templates {window}) t");
    Ok(page.cut(documents(&db.idempotent(&statement, &conditions.parameters).await?)?))
}

/// The template of that id.
pub async fn find(db: &Database, id: TemplateId) -> Result<Option<Template>, DbError> {
    let statement = "select row_to_json(t)::text from order_templates t where id = $1";
    optional_document(&db.idempotent(statement, &[id.get().into()]).await?)
}

/// Forgets a template; one that is gone already is as good.
pub async fn delete(db: &Database, id: TemplateId) -> Result<(), DbError> {
    db.idempotent("delete from order_templates where id = $1", &[id.get().into()]).await.map(drop)
}
