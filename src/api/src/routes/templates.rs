//! Templates: kept by customers, for customers.

use domain::{Actor, Delivery, Template, TemplateDraft};
use http::StatusCode;
use platform::templates;

use super::orders::place::{delivery, placed, placed_before, placing};
use crate::{
    App,
    call::{Call, no_such_template},
    paging::{cut, linked},
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
    let mut found = templates::list(&app.db, &customer.id, &page).await?;
    let next = cut(&mut found, &page);
    Ok(linked(Reply::ok(&found), call, "/templates", next))
}

/// `GET /templates/{template_id}`.
pub async fn get(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    Ok(Reply::ok(&visible(call, app, actor).await?))
}

/// `DELETE /templates/{template_id}`. The orders made from it stay.
pub async fn delete(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let template = visible(call, app, actor).await?;
    templates::delete(&app.db, template.id).await?;
    Ok(Reply::no_content())
}

/// `POST /templates/{template_id}/order`: its products become an order at today's prices.
pub async fn order(call: &Call) -> Answer {
    if let Some(answer) = placed_before(call).await? {
        return Ok(answer);
    }
    let (app, customer) = (call.app()?, call.actor()?);
    let template = visible(call, app, customer).await?;
    template.check_order(customer)?;
    let delivery = delivery(call, Delivery::parse)?;
    let placement = placing(call, app, customer, &delivery).order_template(&template).await?;
    Ok(placed(call, app, customer, &placement))
}

/// The template that the path names, if the actor may see it.
async fn visible(call: &Call, app: &App, actor: &Actor) -> Result<Template, Problem> {
    let template = templates::find(&app.db, call.template_id()?).await?;
    template.filter(|template| template.is_visible_to(actor)).ok_or_else(no_such_template)
}
