//! Lists of products to order again.

use domain::{Delivery, Template, TemplateDraft};
use serde_json::json;

use super::{
    examples,
    operation::{Answer, Operation, operation},
    orders::{accepted, placed},
    parameter::{
        self,
        header::{LINK, LOCATION},
    },
};

const TAG: &str = "Templates";
const INVOLVED: &str = "the template's owner and admins";

pub fn operations() -> Vec<Operation> {
    vec![
        operation(TAG, "POST /templates", "customers", "Keep a template")
            .about("Whether its products exist is asked when they are ordered.")
            .takes::<TemplateDraft>(examples::template_draft())
            .answers(Answer::json::<Template>(201, "The template.", examples::template()).with(&[LOCATION])),
        operation(TAG, "GET /templates", "customers", "List the caller's own templates, newest first")
            .query(parameter::page())
            .answers(
                Answer::json::<Vec<Template>>(200, "A page of the templates.", json!([examples::template()]))
                    .with(&[LINK]),
            ),
        operation(TAG, "GET /templates/:template_id", INVOLVED, "Read a template").answers(Answer::json::<
            Template,
        >(
            200,
            "The template.",
            examples::template(),
        )),
        operation(TAG, "DELETE /templates/:template_id", INVOLVED, "Delete a template")
            .about("The orders made from it stay.")
            .answers(Answer::new(204, "It is gone.")),
        operation(TAG, "POST /templates/:template_id/order", "the template's owner", "Order from a template")
            .about("At today's prices. The cart isn't touched.")
            .takes::<Delivery>(examples::delivery())
            .answers(placed())
            .answers(accepted())
            .problem(402)
            .problem(403)
            .problem_when(409, "The order was cancelled while its payment was under way.")
            .problem_when(422, "Invalid input, or products that are missing or short of stock."),
    ]
}
