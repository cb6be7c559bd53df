//! Placing, reading and following orders.

use domain::{Delivery, Order, ScheduledDelivery};
use platform::orders::{Event, Feedback};
use serde_json::json;

use super::{
    examples,
    operation::{Answer, Operation, operation},
    parameter::{
        self,
        header::{self, CONTENT_DISPOSITION, ETAG, LINK, LOCATION},
    },
};
use crate::{
    routes::orders::{location::DeliveryLocation, response::OrderResponse, tracking::Ticket},
    tracking::StreamedEvent,
};

const TAG: &str = "Orders";
const INVOLVED: &str = "the order's customer, its courier and admins";

pub fn operations() -> Vec<Operation> {
    [placing(), lists(), one(), tracking()].into_iter().flatten().collect()
}

fn placing() -> Vec<Operation> {
    let place = |route, summary| {
        operation(TAG, route, "customers", summary)
            .about(
                "Products are checked and priced, the delivery is quoted and the payment is taken. \
                 A declined payment cancels the order and keeps the cart.",
            )
            .answers(placed())
            .answers(accepted())
            .problem(402)
            .problem_when(
                409,
                "Another order is being made from this cart, its payment isn't settled, or its cart isn't cleared \
                 yet; or the order was cancelled meanwhile.",
            )
            .problem_when(
                422,
                "Invalid input, an empty cart, or products that are missing or short of stock.",
            )
    };
    vec![
        place("POST /orders", "Place an order from the cart").takes::<Delivery>(examples::delivery()),
        place("POST /orders/scheduled", "Place an order for a time to come")
            .takes::<ScheduledDelivery>(examples::scheduled_delivery()),
    ]
}

/// An order that was placed and paid.
pub fn placed() -> Answer {
    Answer::json::<OrderResponse<'_>>(201, "The order, confirmed.", examples::order("confirmed"))
        .with(&[ETAG, LOCATION])
}

/// An order whose payment isn't known.
pub fn accepted() -> Answer {
    let says = "The order, pending: the outcome of its payment isn't known yet, and will be settled.";
    Answer::json::<OrderResponse<'_>>(202, says, examples::order("pending")).with(&[ETAG, LOCATION])
}

fn lists() -> Vec<Operation> {
    let list = |says, status| {
        Answer::json::<Vec<OrderResponse<'_>>>(200, says, json!([examples::order(status)])).with(&[LINK])
    };
    vec![
        operation(TAG, "GET /orders/my-orders", "customers", "List the caller's own orders, newest first")
            .query(parameter::page())
            .answers(list("A page of the orders.", "delivered")),
        operation(TAG, "GET /orders", "admins and couriers", "List all orders, newest first")
            .about("A courier sees those that are assigned to them.")
            .query(parameter::filters().into_iter().chain(parameter::page()))
            .answers(list("A page of the orders.", "out_for_delivery"))
            .problem(403),
        operation(TAG, "GET /orders/export", "admins", "Export all orders as a file, oldest first")
            .about(
                "The file is streamed. In a CSV file a cell that a spreadsheet would take for a formula has an \
                 apostrophe in front.",
            )
            .query([parameter::format()])
            .query(parameter::filters())
            .answers(
                Answer::json::<Vec<Order>>(200, "The file.", json!([examples::exported()]))
                    .text("text/csv")
                    .text("application/x-ndjson")
                    .with(&[CONTENT_DISPOSITION]),
            )
            .problem(403),
    ]
}

fn one() -> Vec<Operation> {
    vec![
        operation(TAG, "GET /orders/:order_id", INVOLVED, "Read an order")
            .answers(
                Answer::json::<OrderResponse<'_>>(200, "The order.", examples::order("delivered"))
                    .with(&[ETAG]),
            )
            .answers(Answer::new(304, "It still has the `ETag` in `If-None-Match`.").with(&[ETAG]))
            .header(header::if_none_match()),
        operation(
            TAG,
            "GET /orders/:order_id/history",
            INVOLVED,
            "Read what happened to an order, oldest first",
        )
        .answers(Answer::json::<Vec<Event>>(200, "Every event.", json!([examples::event()]))),
        operation(
            TAG,
            "GET /orders/:order_id/feedback",
            INVOLVED,
            "Read what the customer thought of an order",
        )
        .answers(Answer::json::<Feedback>(200, "The feedback.", examples::feedback())),
    ]
}

fn tracking() -> Vec<Operation> {
    vec![
        operation(TAG, "GET /orders/:order_id/delivery-location", INVOLVED, "Read where an order on the road is")
            .answers(Answer::json::<DeliveryLocation>(200, "Its latest location.", examples::location()))
            .problem_when(404, "There is no such order, it isn't yours, or its courier has not reported yet.")
            .problem_when(409, "The order isn't out for delivery."),
        operation(TAG, "GET /orders/:order_id/tracking-stream", INVOLVED, "Follow an order live")
            .about(
                "Server-Sent Events: first the order as it stands, then `status`, `location`, `items`, `delivery`, \
                 `payment`, `order.due` and `erased` events, whose data are entries of the history without \
                 `actor_id` and `actor_role` and whose ids are the order's versions. The first is no entry, but a \
                 `status` of the same form: its `data` are the order's `status`, `delivery_partner_id`, \
                 `estimated_delivery_time` and, while it is on the road, `location`. \
                 The stream ends when nothing more can come, with the token that opened it or its ticket, and after a \
                 quarter of an hour.",
            )
            .query([parameter::last_event_id()])
            .header(header::last_event_id())
            .or_by_ticket()
            .answers(Answer::new(200, "The events.").content::<StreamedEvent>("text/event-stream"))
            .answers(Answer::new(204, "All was seen, and nothing more can come.")),
        operation(TAG, "POST /orders/:order_id/tracking-ticket", INVOLVED, "Get a ticket for an order's stream")
            .about("For a browser's `EventSource`, which can't send a token. It holds for a minute.")
            .answers(
                Answer::json::<Ticket>(
                    201,
                    "The ticket.",
                    json!({
                        "ticket": "6d1e8c5a4f0b4c7e9d2a3b1f8e7c6d5a", "expires_at": "2023-01-01T13:01:00Z",
                    }),
                )
                .with(&[LOCATION]),
            ),
    ]
}
