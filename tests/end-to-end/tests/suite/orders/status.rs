//! `PUT /orders/{order_id}/status`.

use end_to_end::{Answer, Person, STATUSES, TestApp};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};

/// Every step there is, and whether the order's courier may take it. An admin may take each.
const STEPS: [(&str, &str, bool); 12] = [
    ("pending", "confirmed", false),
    ("confirmed", "preparing", false),
    ("preparing", "out_for_delivery", true),
    ("out_for_delivery", "delivered", true),
    ("delivered", "return_requested", false),
    ("return_requested", "return_approved", false),
    ("return_approved", "picked_up", true),
    ("picked_up", "refunded", false),
    ("pending", "cancelled", false),
    ("confirmed", "cancelled", false),
    ("preparing", "cancelled", false),
    ("return_requested", "delivered", false),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Asker {
    Owner,
    Courier,
    Admin,
}

/// The answer's status to a step, by the decisions.
fn expected(asker: Asker, from: &str, to: &str) -> u16 {
    let step = STEPS.iter().find(|step| (step.0, step.1) == (from, to));
    match (asker, step) {
        (Asker::Owner, _) => 403,
        (Asker::Courier, _) if !["out_for_delivery", "delivered", "picked_up"].contains(&to) => 403,
        (Asker::Courier, Some((_, _, false))) => 403,
        (_, Some(_)) => 200,
        (_, None) if from == to => 200,
        (_, None) => 409,
    }
}

async fn every_status_to_every_status(asker: Asker) {
    let app = TestApp::shared().await;
    let (owner, courier, admin) = (app.customer(), app.courier(), app.admin());
    let person = match asker {
        Asker::Owner => &owner,
        Asker::Courier => &courier,
        Asker::Admin => &admin,
    };
    let attempt = async |(from, to)| {
        let id = app.database.add_order(&owner.id, from, Some(&courier.id)).await;
        let before = app.database.order(id).await;

        let answer = person.sets_status(id, to).await;

        let case = format!("{from} to {to} by {asker:?}");
        match expected(asker, from, to) {
            200 => {
                let answer = answer.expect(200);
                assert_eq!((answer.id(), &answer.json["status"]), (id, &json!(to)), "{case}");
                assert_eq!(answer.header("etag"), format!("\"{}\"", answer.json["version"]), "{case}");
                assert_eq!(answer.json["version"], app.database.order(id).await["version"], "{case}");
            }
            409 => says_what_is_possible(&answer.expect_problem(409), from),
            status => drop(answer.expect_problem(status)),
        }
        if expected(asker, from, to) == 200 && from != to {
            was_taken(&app, person, &before, to).await;
        } else {
            assert_eq!(app.database.order(id).await, before, "{case}");
            app.database.history(id).await;
        }
    };
    let cases = STATUSES.iter().flat_map(|from| STATUSES.iter().map(move |to| (*from, *to)));
    stream::iter(cases).for_each_concurrent(8, attempt).await;
}

#[track_caller]
fn says_what_is_possible(refusal: &Answer, from: &str) {
    for (_, to, _) in STEPS.iter().filter(|step| step.0 == from) {
        assert!(refusal.detail().contains(to), "{to}: {}", refusal.detail());
    }
}

/// The step stands in the order and as the newest event of its history, and nothing else changed.
async fn was_taken(app: &TestApp, person: &Person<'_>, before: &Value, to: &str) {
    let id = before["id"].as_i64().unwrap();
    let mut after = app.database.order(id).await;
    let history = app.database.history(id).await;

    assert_eq!(after["status"], json!(to));
    assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));
    let event = history.last().unwrap();
    assert_eq!((&event["type"], &event["data"]["status"]), (&json!("status"), &json!(to)));
    assert_eq!(event["actor_id"], json!(person.id));

    for (field, status) in [("delivered_at", "delivered"), ("cancelled_at", "cancelled")] {
        if before[field].is_null() {
            assert_eq!(after[field].is_string(), to == status, "{field}: {after}");
            after[field] = Value::Null;
        }
    }
    assert_ne!(after["updated_at"], before["updated_at"]);
    for field in ["status", "version", "updated_at"] {
        after[field] = before[field].clone();
    }
    assert_eq!(&after, before);
}

#[tokio::test]
async fn a_customer_takes_no_step() {
    every_status_to_every_status(Asker::Owner).await;
}

#[tokio::test]
async fn the_orders_courier_takes_the_steps_of_the_road() {
    every_status_to_every_status(Asker::Courier).await;
}

#[tokio::test]
async fn an_admin_takes_every_step_there_is() {
    every_status_to_every_status(Asker::Admin).await;
}

#[tokio::test]
async fn a_courier_takes_no_step_of_an_order_they_placed_but_do_not_carry() {
    let app = TestApp::shared().await;
    let (courier, other) = (app.courier(), app.courier());
    for carried_by in [None, Some(other.id.as_str())] {
        let id = app.database.add_order(&courier.id, "preparing", carried_by).await;
        let before = app.database.order(id).await;

        courier.sets_status(id, "out_for_delivery").await.expect_problem(403);
        // Even where there would be nothing to do.
        let on_the_road = app.database.add_order(&courier.id, "out_for_delivery", carried_by).await;
        courier.sets_status(on_the_road, "out_for_delivery").await.expect_problem(403);

        assert_eq!(app.database.order(id).await, before);
    }
}

#[tokio::test]
async fn an_order_walks_its_whole_way_and_its_customer_hears_of_each_step() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    admin.assigns(id, courier.id.as_str()).await.expect(200);

    admin.walks(id, &["preparing"]).await;
    courier.walks(id, &["out_for_delivery", "delivered"]).await;
    customer.requests_return(id).await.expect(200);
    admin.walks(id, &["return_approved"]).await;
    courier.walks(id, &["picked_up"]).await;
    admin.walks(id, &["refunded"]).await;
    app.all_done(id).await;

    let way = STATUSES.map(|status| json!(status)).to_vec();
    let way: Vec<_> =
        way.into_iter().filter(|status| *status != "pending" && *status != "cancelled").collect();
    let history = app.database.history(id).await;
    let steps: Vec<_> = history.iter().filter(|event| event["type"] == "status").collect();
    assert_eq!(steps.iter().map(|event| event["data"]["status"].clone()).collect::<Vec<_>>(), way);
    let actors: Vec<_> = steps.iter().map(|event| event["actor_role"].as_str().unwrap()).collect();
    let (partner, user) = ("delivery_partner", "user");
    assert_eq!(actors, ["system", "admin", partner, partner, user, "admin", partner, "admin"]);

    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    let mut told: Vec<_> = pushes.iter().map(|push| push["body"]["status"].clone()).collect();
    let by_name = |status: &Value| status.to_string();
    told.sort_by_key(by_name);
    let mut way = way;
    way.sort_by_key(by_name);
    assert_eq!(told, way);
    assert!(pushes.iter().all(|push| push["body"]["order_id"] == id), "{pushes:?}");
}

#[tokio::test]
async fn the_same_status_again_changes_and_tells_nothing() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    let first = admin.sets_status(id, "preparing").await.expect(200);

    let again = admin.sets_status(id, "preparing").await.expect(200);

    assert_eq!(again.json, first.json);
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(app.database.history(id).await.len(), 3);
    app.all_done(id).await;
    assert_eq!(app.dependencies.notifications(&customer.id, "order-status").await.len(), 2);
}

#[tokio::test]
async fn a_body_that_names_no_status_is_refused() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&app.customer().id, "confirmed", None).await;
    let before = app.database.order(id).await;
    for status in
        [json!("shipped"), json!("Preparing"), json!(" preparing"), json!(""), json!(3), Value::Null]
    {
        let answer = admin.put(&format!("/orders/{id}/status"), &json!({ "status": status })).await;
        let answer = answer.expect_invalid(&["/status"]);
        assert!(STATUSES.iter().all(|status| answer.detail().contains(status)), "{}", answer.detail());
    }
    admin.put(&format!("/orders/{id}/status"), &json!({})).await.expect_invalid(&["/status"]);
    for body in [json!([]), json!("preparing"), json!(["preparing"]), json!(1), Value::Null] {
        admin.put(&format!("/orders/{id}/status"), &body).await.expect_invalid(&[""]);
    }
    assert_eq!(app.database.order(id).await, before);
}

/// Asks for a status, with an `If-Match` of these lines.
async fn sets_status_if(person: &Person<'_>, id: i64, status: &str, if_match: &[&str]) -> Answer {
    let mut request = person.request(Method::PUT, &format!("/orders/{id}/status"));
    for line in if_match {
        request = request.header("if-match", *line);
    }
    Answer::to(request.json(&json!({ "status": status }))).await
}

#[tokio::test]
async fn if_match_lets_a_change_through_only_for_the_version_it_names() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    // The order's version is 2.
    for (if_match, passes) in [
        (&["\"2\""][..], true),
        (&["*"], true),
        (&["\"1\", \"2\""], true),
        (&["\"1\",\"2\" , \"x\""], true),
        (&["\"1\"", "\"2\""], true),
        (&["\"1\""], false),
        (&["\"3\""], false),
        (&["\"1\", \"3\""], false),
        (&["2"], false),
        (&["\"02\""], false),
        (&["\"\""], false),
        (&[""], false),
        // A weak tag never matches here (RFC 9110, 13.1.1).
        (&["W/\"2\""], false),
    ] {
        let id = app.database.add_order(&customer.id, "confirmed", None).await;
        let before = app.database.order(id).await;

        let answer = sets_status_if(&admin, id, "preparing", if_match).await;

        if passes {
            assert_eq!(answer.expect(200).header("etag"), "\"3\"", "{if_match:?}");
        } else {
            let answer = answer.expect_problem(412);
            assert!(answer.detail().contains("\"2\""), "{}", answer.detail());
            assert_eq!(app.database.order(id).await, before, "{if_match:?}");
        }
    }
}

#[tokio::test]
async fn if_match_is_honoured_by_every_change_of_one_order() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let place = json!({ "latitude": "1", "longitude": "2" });
    let courier = json!({ "delivery_partner_id": "courier-7" });
    for (person, method, action, status, body) in [
        (&admin, Method::PUT, "status", "preparing", json!({ "status": "out_for_delivery" })),
        (&admin, Method::PUT, "assign-delivery", "preparing", courier),
        (&admin, Method::PUT, "delivery-location", "out_for_delivery", place),
        (&customer, Method::POST, "cancel", "confirmed", json!({})),
        (&customer, Method::POST, "request-return", "delivered", json!({})),
    ] {
        let id = app.database.add_order(&customer.id, status, None).await;
        let before = app.database.order(id).await;
        let path = format!("/orders/{id}/{action}");
        let request = |tag: &str| person.request(method.clone(), &path).header("if-match", tag).json(&body);

        Answer::to(request("\"1\"")).await.expect_problem(412);
        assert_eq!(app.database.order(id).await, before, "{action}");

        Answer::to(request("\"2\"")).await.expect(200);
        assert_eq!(app.database.history(id).await.len(), 3, "{action}");
    }
}

#[tokio::test]
async fn of_many_writers_one_takes_the_step_and_the_others_find_it_taken() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = app.database.add_order(&customer.id, "confirmed", None).await;

    let answers = join_all((0..8).map(|_| admin.sets_status(id, "preparing"))).await;

    for answer in answers {
        assert_eq!(answer.expect(200).json["version"], 3);
    }
    assert_eq!(app.database.history(id).await.len(), 3);
    app.all_done(id).await;
    assert_eq!(app.dependencies.notifications(&customer.id, "order-status").await.len(), 1);
}

#[tokio::test]
async fn of_many_writers_who_read_the_same_version_exactly_one_wins() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    for _ in 0..5 {
        let id = app.database.add_order(&customer.id, "confirmed", None).await;
        let to = |n| if n % 2 == 0 { "preparing" } else { "cancelled" };

        let writers = (0..8).map(|n| sets_status_if(&admin, id, to(n), &["\"2\""]));
        let answers = join_all(writers).await;

        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "{lost:?}");
        for answer in lost {
            answer.expect_problem(412);
        }
        assert_eq!(app.database.history(id).await.len(), 3);
        assert_eq!(app.database.order(id).await["status"], won[0].json["status"]);
    }
}

#[tokio::test]
async fn a_cancelling_customer_and_a_preparing_admin_never_both_win() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let race = async |_| {
        let id = app.database.add_order(&customer.id, "confirmed", None).await;

        let (cancelled, prepared) =
            futures::future::join(customer.cancels(id), admin.sets_status(id, "preparing")).await;

        let status = app.database.order(id).await["status"].clone();
        match (cancelled.status, prepared.status) {
            (200, 409) => assert_eq!(status, "cancelled"),
            (409, 200) => assert_eq!(status, "preparing"),
            both => panic!("{both:?}: {} {}", cancelled.text, prepared.text),
        }
        assert_eq!(app.database.history(id).await.len(), 3);
    };
    join_all((0..10).map(race)).await;
}
