//! How paths and methods lead to a route.

use std::collections::BTreeSet;

use end_to_end::{Answer, TestApp};
use reqwest::Method;
use serde_json::json;

use crate::roles::routes;

#[tokio::test]
async fn a_fixed_path_wins_over_an_orders_id() {
    let app = TestApp::shared().await;
    let admin = app.admin();

    assert_eq!(admin.get("/orders/my-orders").await.expect(200).json, json!([]));
    // These paths exist, though not to be read.
    for (path, allowed) in
        [("scheduled", "POST"), ("bulk-status-update", "PUT"), ("bulk-assign-delivery", "POST")]
    {
        let answer = admin.get(&format!("/orders/{path}")).await.expect_problem(405);
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
    // They are no ids either.
    admin.post("/orders/my-orders/cancel", &json!({})).await.expect_problem(404);
    admin.get("/orders/scheduled/history").await.expect_problem(404);
}

#[tokio::test]
async fn every_path_answers_other_methods_with_those_it_has() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let paths: BTreeSet<_> = routes().iter().map(|(_, path)| *path).collect();
    for path in paths {
        let mut allowed: BTreeSet<_> = routes()
            .into_iter()
            .filter(|(_, other)| *other == path)
            .map(|(method, _)| method.to_string())
            .collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD".into());
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
            if allowed.contains(method) {
                continue;
            }
            let method: Method = method.parse().unwrap();
            let answer = Answer::to(admin.request(method.clone(), &path.replace(":order_id", "1"))).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let named = answer.header("allow").split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(named, allowed, "{path}");
            if method != Method::HEAD {
                answer.expect_problem(405);
            }
        }
    }
}

#[tokio::test]
async fn a_slash_at_the_end_makes_no_difference() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;

    for (person, path, query) in [
        (&customer, "/orders/my-orders", ""),
        (&courier, "/orders", ""),
        (&courier, "/orders", "?limit=1"),
        (&customer, &format!("/orders/{id}"), ""),
        (&customer, &format!("/orders/{id}/history"), ""),
    ] {
        let with_slash = person.get(&format!("{path}/{query}")).await.expect(200);
        assert_eq!(with_slash.text, person.get(&format!("{path}{query}")).await.expect(200).text, "{path}");
    }
    let body = json!({ "status": "out_for_delivery" });
    courier.put(&format!("/orders/{id}/status/"), &body).await.expect(200);
    let body = json!({ "order_ids": [id], "status": "delivered" });
    admin.put("/orders/bulk-status-update/", &body).await.expect(200);
    assert_eq!(app.database.order(id).await["status"], "delivered");
    customer.post("/orders/", &end_to_end::an_order()).await.expect(201);
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    app.database.add_orders(&customer.id, 3).await;

    for path in [
        "/health".into(),
        "/orders/my-orders?limit=2".into(),
        format!("/orders/{id}"),
        format!("/orders/{id}/history"),
        format!("/orders/{id}/feedback"),
        "/orders".into(),
        "/orders/my-orders?limit=x".into(),
        "/orders/2000000000".into(),
        "/nowhere".into(),
    ] {
        // The same request id, which is in the body of a problem.
        let ask = |method| customer.request(method, &path).header("x-request-id", "head-1");
        let get = Answer::to(ask(Method::GET)).await;
        let head = Answer::to(ask(Method::HEAD)).await;

        assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
        for name in ["content-type", "content-length", "etag", "link", "x-request-id"] {
            assert_eq!(head.headers.get(name), get.headers.get(name), "{path}: {name}");
        }
    }
    let nobody = Answer::to(app.request(Method::HEAD, &format!("/orders/{id}"))).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn a_path_that_runs_its_segments_together_leads_nowhere() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    // A router that takes the slash for optional does so before two digits at least.
    app.database.add_orders(&customer.id, 9).await;
    let id = app.database.add_order(&customer.id, "confirmed", None).await;

    customer.get(&format!("/orders{id}")).await.expect_problem(404);
    customer.get(&format!("/orders//{id}")).await.expect_problem(404);
    customer.post(&format!("/orders{id}/cancel"), &json!({})).await.expect_problem(404);
    customer.post(&format!("/orders{id}//cancel"), &json!({})).await.expect_problem(404);
    admin.delete(&format!("/adminusers/{}/data", customer.id)).await.expect_problem(404);
    assert_eq!(app.database.order(id).await["status"], "confirmed");
}
