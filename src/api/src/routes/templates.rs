//! Templates: kept by customers, for customers.

use domain::{Delivery, Listing, Template, TemplateDraft};
use http::StatusCode;
use platform::templates;

use super::orders::place::{delivery, placed, placed_before, placing};
use crate::{
    call::{Call, no_such_template},
    paging::linked,
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// `POST /templates`.
pub async fn create(call: &Call) -> Answer {
    let (app, customer) = (call.app()?, call.actor()?);
    let draft = TemplateDraft::parse(&call.json()?).map_err(Problem::invalid)?;
    let template = templates::create(&app.db, customer, &draft, call.claim.as_ref()).await?;
    Ok(Reply::json(StatusCode::CREATED, &template).located(format!("/templates/{}", template.id)))
}

/// `GET /templates`: the caller's own, newest first.
pub async fn mine(call: &Call) -> Answer {
    let (app, customer) = (call.app()?, call.actor()?);
    let page = call.page().map_err(Problem::invalid)?;
    let Listing { entries, next } = templates::list(&app.db, &customer.id, &page).await?;
    Ok(linked(Reply::ok(&entries), call, "/templates", next))
}

/// `GET /templates/{template_id}`.
pub async fn get(call: &Call) -> Answer {
    Ok(Reply::ok(&visible(call).await?))
}

/// `DELETE /templates/{template_id}`. The orders made from it stay.
pub async fn delete(call: &Call) -> Answer {
    let template = visible(call).await?;
    templates::delete(&call.app()?.db, template.id).await?;
    Ok(Reply::no_content())
}

/// `POST /templates/{template_id}/order`: its products become an order at today's prices.
pub async fn order(call: &Call) -> Answer {
    if let Some(answer) = placed_before(call).await? {
        return Ok(answer);
    }
    let template = visible(call).await?;
    template.check_order(call.actor()?)?;
    let delivery = delivery(call, Delivery::parse)?;
    placed(call, &placing(call, &delivery)?.order_template(&template).await?)
}

/// The template that the path names, if whoever is asking may see it.
async fn visible(call: &Call) -> Result<Template, Problem> {
    let actor = call.actor()?;
    let template = templates::find(&call.app()?.db, call.template_id()?).await?;
    template.filter(|template| template.is_visible_to(actor)).ok_or_else(no_such_template)
}
