//! `GET /orders/export`.

use std::collections::BTreeMap;

use end_to_end::{Answer, Person, Proxy, Setup, TestApp, address, servers, unique};
use reqwest::Method;
use serde_json::{Value, json};

const NAMES: &str = "id,user_id,delivery_partner_id,total_amount,delivery_fee,status,delivery_address,\
    delivery_latitude,delivery_longitude,estimated_delivery_time,delivered_at,cancelled_at,scheduled_for,\
    created_at,updated_at,version,items";

async fn exports(admin: &Person<'_>, query: &str) -> Answer {
    let answer = admin.get(&format!("/orders/export{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// The rows of a CSV file, each by the names of its header.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().map(|row| row.expect("it is CSV")).collect()
}

fn lines(ndjson: &str) -> Vec<Value> {
    ndjson.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[tokio::test]
async fn an_exported_order_is_the_order_without_what_depends_on_others() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let placed = customer.places_an_order().await.expect(201);

    let exported = exports(&app.admin(), &format!("?user_id={}", customer.id)).await;

    let mut order = placed.json.clone();
    order.as_object_mut().unwrap().remove("allowed_actions");
    for item in order["items"].as_array_mut().unwrap() {
        item.as_object_mut().unwrap().remove("product");
    }
    assert_eq!(exported.json, json!([order]));
    assert_eq!(exported.raw("/0/total_amount"), "25.97");
    assert_eq!(exported.raw("/0/delivery_fee"), "5.00");
    assert_eq!(exported.raw("/0/items/0/price"), "2.99");
}

#[tokio::test]
async fn a_time_is_written_as_in_every_other_answer() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let seconds = ["43", "43.5", "43.12", "43.123", "43.12345", "43.123456", "43.000001"];
    let orders = seconds.map(
        |seconds| json!({ "user_id": customer.id, "created_at": format!("2026-01-01T10:00:{seconds}Z") }),
    );
    let ids = app.database.insert_orders(&orders).await;

    let exported = exports(&app.admin(), &format!("?user_id={}", customer.id)).await;

    assert_eq!(exported.ids(), ids);
    for order in exported.json.as_array().unwrap() {
        let shown = customer.reads_order(order["id"].as_i64().unwrap()).await.expect(200);
        assert_eq!(order["created_at"], shown.json["created_at"]);
    }
}

#[tokio::test]
async fn each_format_is_a_file_of_its_own_type() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for (query, content_type, extension) in [
        ("", "application/json", "json"),
        ("&format=json", "application/json", "json"),
        ("&format=csv", "text/csv; charset=utf-8", "csv"),
        ("&format=ndjson", "application/x-ndjson", "ndjson"),
    ] {
        let answer = exports(&admin, &format!("?user_id=nobody{query}")).await;

        assert_eq!(answer.header("content-type"), content_type);
        let disposition = answer.header("content-disposition");
        assert!(disposition.starts_with("attachment; filename=\"orders-"), "{disposition}");
        assert!(disposition.ends_with(&format!(".{extension}\"")), "{disposition}");
    }
}

#[tokio::test]
async fn an_export_of_nothing_is_a_valid_file() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let nobody = unique("nobody");
    for (format, text) in [("json", "[]\n"), ("csv", &format!("{NAMES}\r\n")), ("ndjson", "")] {
        let answer = exports(&admin, &format!("?user_id={nobody}&format={format}")).await;
        assert_eq!(answer.text, text, "{format}");
    }
}

#[tokio::test]
async fn every_order_is_exported_however_many_there_are() {
    let app = TestApp::shared().await;
    let (admin, customer) = (app.admin(), app.customer());
    // Some fill their chunks exactly.
    for (more, count) in [(1, 1), (1_999, 2_000), (1, 2_001), (1_999, 4_000), (1_001, 5_001)] {
        app.database.add_orders(&customer.id, more).await;
        let mut ids: Vec<i64> =
            app.database.orders_of(&customer.id).await.iter().map(|o| o["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids.len(), count);

        let file = |format: &str| format!("?user_id={}&format={format}", customer.id);
        let json = exports(&admin, &file("json")).await;
        let csv = exports(&admin, &file("csv")).await;
        let ndjson = exports(&admin, &file("ndjson")).await;

        assert_eq!(json.ids(), ids, "oldest first");
        assert_eq!(Value::from(lines(&ndjson.text)), json.json);
        let of_csv: Vec<i64> = rows(&csv.text).iter().map(|row| row["id"].parse().unwrap()).collect();
        assert_eq!(of_csv, ids);
        assert!(csv.text.ends_with("\r\n") && ndjson.text.ends_with("}\n"));
    }
}

#[tokio::test]
async fn a_csv_file_holds_the_same_as_json() {
    let app = TestApp::shared().await;
    let (admin, customer) = (app.admin(), app.customer());
    let placed = customer.places_an_order().await.expect(201);

    let json = exports(&admin, &format!("?user_id={}", customer.id)).await;
    let csv = exports(&admin, &format!("?user_id={}&format=csv", customer.id)).await;

    assert_eq!(csv.text.lines().next(), Some(NAMES));
    let row = rows(&csv.text).remove(0);
    assert_eq!(row["id"], placed.id().to_string());
    assert_eq!((row["total_amount"].as_str(), row["delivery_fee"].as_str()), ("25.97", "5.00"));
    assert_eq!(row["cancelled_at"], "");
    for name in ["user_id", "status", "delivery_address", "delivery_latitude", "created_at", "updated_at"] {
        assert_eq!(row[name], json.json[0][name].as_str().unwrap(), "{name}");
    }
    let items: Value = serde_json::from_str(&row["items"]).unwrap();
    assert_eq!(items, json.json[0]["items"]);
}

#[tokio::test]
async fn no_cell_is_a_formula_or_breaks_its_row() {
    let app = TestApp::shared().await;
    let (admin, customer) = (app.admin(), app.customer());
    let cases = [
        ("=HYPERLINK(\"http://evil\",\"x\")", "'=HYPERLINK(\"http://evil\",\"x\")"),
        ("+1", "'+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("=1\r\n,\"", "'=1\r\n,\""),
        ("a, \"b\"\nc", "a, \"b\"\nc"),
        (" spaces ", " spaces "),
        ("Straße 🏠; 1=1", "Straße 🏠; 1=1"),
        ("'quoted", "'quoted"),
    ];
    let orders = cases.map(|(address, _)| {
        json!({ "user_id": customer.id, "delivery_address": address, "product_name": address })
    });
    app.database.insert_orders(&orders).await;

    let csv = exports(&admin, &format!("?user_id={}&format=csv", customer.id)).await;
    let json = exports(&admin, &format!("?user_id={}", customer.id)).await;

    let rows = rows(&csv.text);
    assert_eq!(rows.len(), cases.len());
    for ((row, order), (address, cell)) in rows.iter().zip(json.json.as_array().unwrap()).zip(cases) {
        assert_eq!(row["delivery_address"], cell);
        assert_eq!(order["delivery_address"], address, "JSON needs no guard");
        let items: Value = serde_json::from_str(&row["items"]).unwrap();
        assert_eq!(items[0]["product_name"], address);
    }
}

#[tokio::test]
async fn filters_are_those_of_the_list() {
    let app = TestApp::shared().await;
    let (admin, customer, courier) = (app.admin(), app.customer(), app.courier());
    let order = |status: &str, day: u32, partner: Option<&str>| {
        json!({
            "user_id": customer.id, "status": status, "delivery_partner_id": partner,
            "created_at": format!("2013-05-{day:02}T12:00:00Z"),
        })
    };
    let ids = app
        .database
        .insert_orders(&[
            order("pending", 1, None),
            order("delivered", 2, Some(&courier.id)),
            order("delivered", 3, None),
            order("cancelled", 4, Some(&courier.id)),
        ])
        .await;
    for (query, expected) in [
        (format!("user_id={}", customer.id), &ids[..]),
        (format!("user_id={}&status=delivered", customer.id), &ids[1..3]),
        (format!("delivery_partner_id={}&status=cancelled", courier.id), &ids[3..]),
        (
            format!(
                "user_id={}&created_from=2013-05-02T12:00:00Z&created_to=2013-05-03T14:00:00%2B02:00",
                customer.id
            ),
            &ids[1..3],
        ),
    ] {
        assert_eq!(exports(&admin, &format!("?{query}")).await.ids(), expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_no_filter_or_format_is_named() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for (query, pointers) in [
        ("?format=xml", &["format"][..]),
        ("?format=", &["format"]),
        ("?format=CSV", &["format"]),
        ("?status=lost", &["status"]),
        ("?created_from=yesterday&format=xls", &["format", "created_from"]),
        ("?user_id=%00", &["user_id"]),
    ] {
        admin.get(&format!("/orders/export{query}")).await.expect_invalid(pointers);
    }
}

#[tokio::test]
async fn a_head_tells_of_the_file_without_sending_it() {
    let app = TestApp::shared().await;
    let admin = app.admin();

    let head = Answer::to(admin.request(Method::HEAD, "/orders/export?format=csv")).await;

    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), "text/csv; charset=utf-8");
}

#[tokio::test]
async fn an_export_that_is_cut_off_does_not_look_complete() {
    let proxy = Proxy::to(&address(&servers().0, 5432).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().database_by(proxy.port())).await;
    let (admin, customer) = (app.admin(), app.customer());
    // More than may wait anywhere between Postgres and a client that doesn't read on.
    let address = "x".repeat(4_000);
    let order = json!({ "user_id": customer.id, "delivery_address": address });
    app.database.insert_orders(&vec![order; 10_000]).await;
    for format in ["json", "csv", "ndjson"] {
        let request = admin.request(Method::GET, &format!("/orders/export?format={format}"));
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.chunk().await.unwrap().is_some());

        proxy.cut();

        let broken = loop {
            match response.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken, "{format}: half a file looks whole");
        admin.get(&format!("/orders/export?format={format}")).await.expect_retry_after(503);
        proxy.mend();
    }
    assert_eq!(exports(&admin, "").await.ids().len(), 10_000);
}
