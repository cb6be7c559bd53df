//! Reports for admins.

use platform::analytics::{CancellationRate, DeliveryPerformance, Revenue, TopCustomer};
use serde_json::{Value, json};

use super::{
    operation::{Answer, Operation, operation},
    parameter,
};

pub fn operations() -> Vec<Operation> {
    let report = |route, summary| operation("Analytics", route, "admins", summary).problem(403);
    vec![
        report("GET /analytics/revenue", "What was sold, day by day")
            .about("Only days with orders are listed; cancelled and refunded orders are left out. At most ten years.")
            .query(parameter::bounded_period())
            .answers(Answer::json::<Vec<Revenue>>(
                200,
                "The days.",
                json!([{ "date": "2023-01-01", "order_count": 2, "total_revenue": 51.94 }]),
            )),
        report("GET /analytics/delivery-performance", "How fast and how punctual deliveries were")
            .about("The period is that of the delivery.")
            .query(parameter::period())
            .answers(Answer::json::<DeliveryPerformance>(200, "The figures, of all and by courier.", performance())),
        report("GET /analytics/top-customers", "Who spent or ordered most")
            .about("Cancelled and refunded orders are left out.")
            .query(parameter::ranking())
            .answers(Answer::json::<Vec<TopCustomer>>(
                200,
                "The customers, the first one first.",
                json!([{ "user_id": "123", "order_count": 2, "total_spent": 51.94 }]),
            )),
        report("GET /analytics/cancellation-rate", "How many of the latest orders were cancelled")
            .query([parameter::days()])
            .answers(Answer::json::<CancellationRate>(
                200,
                "The rate, in percent.",
                json!({
                    "period": "30 days", "cancellation_rate": 2.5, "total_orders": 40, "cancelled_orders": 1,
                }),
            )),
    ]
}

fn performance() -> Value {
    let mut all = json!({
        "delivered_count": 40, "on_time_count": 38, "on_time_rate": 95.0, "average_delivery_minutes": 24.5,
        "p50_delivery_minutes": 23.0, "p90_delivery_minutes": 29.75, "average_rating": 4.6,
    });
    let mut courier = all.clone();
    courier["delivery_partner_id"] = json!("456");
    all["by_partner"] = json!([courier]);
    all
}
