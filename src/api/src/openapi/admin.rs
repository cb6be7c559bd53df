//! The work behind orders, for admins.

use platform::{backlog::OpenTask, reconciliation::Report};
use serde_json::{Map, Value, json};

use super::{
    operation::{Answer, Operation, operation},
    parameter::{self, header::LINK},
};

pub fn operations() -> Vec<Operation> {
    let admin = |route, summary| operation("Admin", route, "admins", summary).problem(403);
    vec![
        admin("GET /admin/tasks", "List what waits to be done or was given up, newest first")
            .query(parameter::page())
            .query(parameter::task_filters())
            .answers(
                Answer::json::<Vec<OpenTask>>(200, "A page of the tasks.", json!([task("dead", 30)]))
                    .with(&[LINK]),
            ),
        admin("POST /admin/tasks/:task_id/retry", "Make a task due at once, as if it had never been tried")
            .answers(Answer::json::<OpenTask>(200, "The task.", task("queued", 0)))
            .problem_when(
                409,
                "A worker has the task at the moment, or it is a scheduled order's (`order.due`) whose time is yet \
                 to come.",
            ),
        admin(
            "GET /admin/reconciliation",
            "What is wrong with which order, and what was repaired in the last week",
        )
        .query([parameter::findings()])
        .answers(Answer::json::<Report>(200, "The latest look at the books.", report())),
        admin("GET /admin/users/:user_id/data", "Hand out everything that is kept about one person")
            .answers(Answer::json::<Map<String, Value>>(200, "Orders, templates and reported locations.", person())),
        admin("DELETE /admin/users/:user_id/data", "Erase what is kept about one person; the books stay")
            .about(
                "Addresses, coordinates, e-mail, comments, reasons, templates and kept answers are erased.",
            )
            .answers(Answer::new(204, "It is erased."))
            .problem_when(409, "One of the person's orders is under way."),
    ]
}

fn task(status: &str, attempts: i32) -> Value {
    json!({
        "id": 7, "kind": "notify.status", "order_id": 1, "status": status, "attempts": attempts,
        "due_at": "2023-01-01T13:00:00Z", "last_error": "the notification service: answered 500",
        "request_id": "click-41", "created_at": "2023-01-01T12:00:00Z",
    })
}

fn person() -> Value {
    json!({
        "user_id": "customer-1", "email": "customer@example.com", "created_at": "2023-01-01T13:00:00Z",
        "orders": [], "templates": [], "reported_locations": [],
    })
}

fn report() -> Value {
    json!({
        "started_at": "2023-01-01T13:00:00Z", "finished_at": "2023-01-01T13:00:00.021Z", "duration_ms": 21,
        "checked_until": "2023-01-01T13:00:00Z", "counts": { "unpaid": 1 },
        "findings": [{
            "kind": "unpaid", "order_id": 1, "detail": "25.97 was never paid",
            "since": "2023-01-01T12:00:00Z", "repaired_at": null,
        }],
        "repairs": [],
    })
}
