//! What happens to an order, by whom.

use domain::{Coordinates, Rating};
use platform::orders::Feedback;
use serde_json::json;

use super::{
    examples,
    operation::{Answer, Operation, operation},
    parameter::header::{ETAG, LOCATION},
};
use crate::routes::orders::{
    assignment::Assignment,
    bulk::{BulkAssignment, BulkStatusUpdate, Outcomes},
    items::OrderItemsUpdate,
    location::DeliveryLocation,
    response::OrderResponse,
    status::{Cancellation, ReturnRequest, StatusUpdate},
};

const TAG: &str = "Changes";

pub fn operations() -> Vec<Operation> {
    [staff(), customers(), bulk()].into_iter().flatten().collect()
}

fn changed(status: &str) -> Answer {
    Answer::json::<OrderResponse<'_>>(200, "The order as it is now.", examples::order(status)).with(&[ETAG])
}

fn staff() -> Vec<Operation> {
    vec![
        operation(
            TAG,
            "PUT /orders/:order_id/status",
            "the order's courier and admins",
            "Take an order a step further",
        )
        .about("The status that it has already changes nothing.")
        .takes::<StatusUpdate>(json!({ "status": "out_for_delivery" }))
        .answers(changed("out_for_delivery"))
        .changes_an_order()
        .problem(403),
        operation(TAG, "PUT /orders/:order_id/assign-delivery", "admins", "Give an order to a courier")
            .takes::<Assignment>(json!({ "delivery_partner_id": "456" }))
            .answers(changed("confirmed"))
            .changes_an_order()
            .problem(403),
        operation(
            TAG,
            "PUT /orders/:order_id/delivery-location",
            "the order's courier and admins",
            "Report where an order on the road is",
        )
        .takes::<Coordinates>(json!({ "latitude": "40.7128", "longitude": "-74.0060" }))
        .answers(Answer::json::<DeliveryLocation>(200, "The location.", examples::location()).with(&[ETAG]))
        .changes_an_order()
        .problem(403),
    ]
}

fn customers() -> Vec<Operation> {
    vec![
        operation(
            TAG,
            "PUT /orders/:order_id/items",
            "the order's customer and admins",
            "Change the items of an order until it is being prepared",
        )
        .about("Products are checked and priced anew; the difference is charged first, or paid back.")
        .takes::<OrderItemsUpdate>(examples::items())
        .answers(changed("confirmed"))
        .changes_an_order()
        .problem_when(402, "The payment of the difference was declined; the order is as it was.")
        .problem(403)
        .problem_when(422, "Invalid input, or products that are missing or short of stock."),
        operation(TAG, "POST /orders/:order_id/cancel", "the order's customer and admins", "Cancel an order")
            .about("What was paid goes back. A customer can cancel until the order is being prepared, an admin until it is on the road.")
            .answers(Answer::json::<Cancellation>(
                200,
                "The order is cancelled.",
                json!({ "success": true, "message": "Order cancelled successfully", "refund_initiated": true }),
            ))
            .changes_an_order()
            .problem(403),
        operation(
            TAG,
            "POST /orders/:order_id/request-return",
            "the order's customer",
            "Ask to give a delivered order back",
        )
        .may_take::<ReturnRequest>(json!({ "reason": "The apples were bruised." }))
        .answers(changed("return_requested"))
        .changes_an_order()
        .problem(403),
        operation(TAG, "POST /orders/:order_id/feedback", "the order's customer", "Rate an order that was delivered")
            .about("A second rating replaces the first.")
            .takes::<Rating>(json!({ "rating": 5, "comment": "Fast delivery!" }))
            .answers(Answer::json::<Feedback>(201, "The feedback.", examples::feedback()).with(&[LOCATION]))
            .problem(403)
            .problem_when(409, "The order has not been delivered."),
    ]
}

fn bulk() -> Vec<Operation> {
    let outcomes = |status: &str| {
        let example = json!({
            "success": false,
            "updated_count": 2,
            "total_count": 3,
            "results": [
                { "order_id": 1, "ok": true, "status": status },
                { "order_id": 2, "ok": true, "status": status },
                { "order_id": 3, "ok": false, "error": "there is no such order" },
            ],
        });
        Answer::json::<Outcomes>(200, "What became of each order.", example)
    };
    vec![
        operation(TAG, "PUT /orders/bulk-status-update", "admins", "Take many orders a step further")
            .about("Each on its own merits.")
            .takes::<BulkStatusUpdate>(json!({ "order_ids": [1, 2, 3], "status": "out_for_delivery" }))
            .answers(outcomes("out_for_delivery"))
            .problem(403),
        operation(TAG, "POST /orders/bulk-assign-delivery", "admins", "Give many orders to a courier")
            .about("Each on its own merits.")
            .takes::<BulkAssignment>(json!({ "order_ids": [1, 2, 3], "delivery_partner_id": "456" }))
            .answers(outcomes("confirmed"))
            .problem(403),
    ]
}
