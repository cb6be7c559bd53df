//! `GET /orders/{order_id}/tracking-stream` and `POST /orders/{order_id}/tracking-ticket`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::Utc;
use end_to_end::{
    Answer, Block, EventStream, Person, Proxy, Setup, TestApp, address, claims, servers, unique,
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

fn stream_of(order_id: i64) -> String {
    format!("/orders/{order_id}/tracking-stream")
}

/// Opens the stream by a ticket alone, as a browser does.
async fn follow_by_ticket(app: &TestApp, order_id: i64, ticket: &str) -> Result<EventStream, Answer> {
    let path = format!("{}?ticket={ticket}", stream_of(order_id));
    EventStream::open(app.request(Method::GET, &path)).await
}

/// Names and ids of events.
fn outline(events: &[(String, i64, Value)]) -> Vec<(&str, i64)> {
    events.iter().map(|(name, id, _)| (name.as_str(), *id)).collect()
}

#[tokio::test]
async fn the_owner_sees_all_that_happens_until_nothing_more_can() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;

    let mut stream = customer.follows(order).await;
    let Some(Block::Retry(pause)) = stream.next_block().await else { panic!("a pause comes first") };
    assert!((1_000..10_000).contains(&pause), "{pause}");
    let (name, id, state) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), id), ("status", 2));
    assert_eq!((&state["order_id"], &state["version"]), (&json!(order), &json!(2)));
    assert_eq!(state["data"]["status"], "confirmed");
    assert_eq!(state["data"]["location"], Value::Null);

    admin.assigns(order, courier.id.clone()).await.expect(200);
    admin.walks(order, &["preparing", "out_for_delivery"]).await;
    let place = json!({ "latitude": "40.71", "longitude": "-74.00" });
    courier.reports_location(order, &place).await.expect(200);
    courier.walks(order, &["delivered"]).await;
    admin.walks(order, &["return_requested", "return_approved", "picked_up", "refunded"]).await;

    let events = stream.rest().await;
    let mut expected = vec![("delivery", 3), ("status", 4), ("status", 5), ("location", 6)];
    expected.extend((7..=11).map(|id| ("status", id)));
    assert_eq!(outline(&events), expected);
    // Each is the entry of the history.
    for ((_, _, shown), kept) in events.iter().zip(&app.database.history(order).await[2..]) {
        for field in ["order_id", "version", "type", "data"] {
            assert_eq!(shown[field], kept[field], "{field}");
        }
        assert!(shown["created_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{shown}");
    }
}

#[tokio::test]
async fn a_stream_lasts_no_longer_than_its_clients_token() {
    let app = TestApp::shared().await;
    let id = unique("customer");
    let order = app.database.add_order(&id, "confirmed", None).await;
    let mut of_a_moment = claims(&id, "user");
    let expires_at = Utc::now().timestamp() + 3;
    of_a_moment["exp"] = json!(expires_at);
    let customer = Person::with_claims(&app, &id, of_a_moment);
    let issued = customer.asks_for_a_ticket(order).await.expect(201);
    let ticket = issued.json["ticket"].as_str().unwrap();
    assert_eq!(issued.time("expires_at").timestamp(), expires_at);

    let by_token = customer.follows(order).await;
    let by_ticket = follow_by_ticket(&app, order, ticket).await.unwrap();

    for stream in [by_token, by_ticket] {
        assert_eq!(outline(&stream.rest().await), [("status", 2)]);
    }
    let late = follow_by_ticket(&app, order, ticket).await.err().expect("the token has expired");
    late.expect_problem(401);
}

#[tokio::test]
async fn a_stream_begins_with_where_the_courier_is() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let order = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;
    let place = json!({ "latitude": "52.52", "longitude": "13.40" });
    courier.reports_location(order, &place).await.expect(200);

    let (_, id, state) = customer.follows(order).await.next().await.unwrap();

    assert_eq!(id, 3);
    assert_eq!(state["data"]["delivery_partner_id"], json!(courier.id));
    assert_eq!(state["data"]["location"], place);
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_and_nothing_twice() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let mut stream = customer.follows(order).await;
    admin.walks(order, &["preparing"]).await;
    let seen = [stream.next().await.unwrap(), stream.next().await.unwrap()];
    assert_eq!(outline(&seen), [("status", 2), ("status", 3)]);

    drop(stream);
    admin.walks(order, &["out_for_delivery", "delivered"]).await;
    let mut stream = customer.follows_after(order, 3).await;
    admin.walks(order, &["return_requested"]).await;

    let news = [stream.next().await.unwrap(), stream.next().await.unwrap(), stream.next().await.unwrap()];
    assert_eq!(outline(&news), [("status", 4), ("status", 5), ("status", 6)]);
    // From the very beginning, too: placing gave it its first status.
    let mut stream = customer.follows_after(order, 0).await;
    let (name, id, placed) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), id, &placed["type"]), ("status", 1, &json!("placed")));
    // A page that makes a new EventSource can't set the header.
    let request = customer.request(Method::GET, &format!("{}?last_event_id=5", stream_of(order)));
    let (_, id, _) = EventStream::open(request).await.unwrap().next().await.unwrap();
    assert_eq!(id, 6);
}

#[tokio::test]
async fn an_impossible_last_event_id_is_ignored() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;

    for nonsense in ["", "abc", "-1", "3", "2147483648", "1.0"] {
        let (_, id, state) = customer.follows_after(order, nonsense).await.next().await.unwrap();
        assert_eq!((id, &state["data"]["status"]), (2, &json!("confirmed")), "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_finished_order_is_shown_once() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for status in ["cancelled", "refunded"] {
        let order = app.database.add_order(&customer.id, status, None).await;

        let state = customer.follows(order).await.rest().await;
        assert_eq!(outline(&state), [("status", 2)]);
        assert_eq!(state[0].2["data"]["status"], status);
        let missed = customer.follows_after(order, 1).await.rest().await;
        assert_eq!(outline(&missed), [("status", 2)]);

        // By 204 EventSource knows that it need not come back.
        let request = customer.request(Method::GET, &stream_of(order)).header("last-event-id", "2");
        let nothing = EventStream::open(request).await.err().unwrap();
        assert_eq!((nothing.status, nothing.text.as_str()), (204, ""));
    }
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let mut stream = customer.follows(order).await;
    stream.next().await.unwrap();

    let opened = Instant::now();
    assert_eq!(stream.next_block().await, Some(Block::Comment));
    assert!((10..20).contains(&opened.elapsed().as_secs()), "{:?}", opened.elapsed());
}

#[tokio::test]
async fn only_owner_courier_and_admins_may_follow() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let order = app.database.add_order(&customer.id, "confirmed", Some(&courier.id)).await;

    for stranger in [app.customer(), app.courier(), Person::new(&app, &courier.id, "user")] {
        stranger.get(&stream_of(order)).await.expect_problem(404);
        stranger.asks_for_a_ticket(order).await.expect_problem(404);
    }
    app.get(&stream_of(order)).await.expect_problem(401);
    Answer::to(app.request(Method::POST, &format!("/orders/{order}/tracking-ticket")))
        .await
        .expect_problem(401);
    app.admin().get(&stream_of(2_000_000_000)).await.expect_problem(404);
    for person in [customer, courier, app.admin()] {
        let (_, id, _) = person.follows(order).await.next().await.unwrap();
        assert_eq!(id, 2);
    }
}

#[tokio::test]
async fn a_courier_who_loses_the_order_loses_sight_of_it() {
    let app = TestApp::shared().await;
    let (customer, courier, other, admin) = (app.customer(), app.courier(), app.courier(), app.admin());
    let order = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;
    let mut owners = customer.follows(order).await;
    let couriers = courier.follows(order).await;

    admin.assigns(order, other.id.clone()).await.expect(200);

    assert_eq!(outline(&couriers.rest().await), [("status", 2)]);
    courier.get(&stream_of(order)).await.expect_problem(404);
    owners.next().await.unwrap();
    let (name, id, event) = owners.next().await.unwrap();
    assert_eq!((name.as_str(), id), ("delivery", 3));
    assert_eq!(event["data"]["delivery_partner_id"], json!(other.id));
    // Whoever gets it back may see what came between.
    admin.assigns(order, courier.id.clone()).await.expect(200);
    let mut again = courier.follows_after(order, 2).await;
    let missed = [again.next().await.unwrap(), again.next().await.unwrap()];
    assert_eq!(outline(&missed), [("delivery", 3), ("delivery", 4)]);
}

#[tokio::test]
async fn a_ticket_opens_the_stream_of_its_order_for_a_minute() {
    let app = TestApp::own(Setup::default().variable("debug", "true")).await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let another = app.database.add_order(&customer.id, "confirmed", None).await;

    let issued = customer.asks_for_a_ticket(order).await.expect(201);
    assert_eq!(issued.header("location"), stream_of(order));
    assert_eq!(issued.header("cache-control"), "no-store");
    let lasts = issued.time("expires_at") - chrono::Utc::now();
    assert!((50..=61).contains(&lasts.num_seconds()), "{lasts}");
    let ticket = issued.json["ticket"].as_str().unwrap();

    // Reconnecting within the minute is as good as connecting.
    for _ in 0..2 {
        let mut stream = follow_by_ticket(&app, order, ticket).await.unwrap();
        assert_eq!(stream.next().await.unwrap().1, 2);
    }
    let refused = [(another, ticket), (order, ""), (order, "0"), (order, &ticket[1..]), (order, "%00%ff")];
    for (order, ticket) in refused {
        follow_by_ticket(&app, order, ticket).await.err().unwrap().expect_problem(401);
    }
    let expire = |ticket: &str| {
        let key = format!("orders:ticket:{ticket}");
        let mut redis = app.redis();
        let left: i64 = redis::cmd("TTL").arg(&key).query(&mut redis).unwrap();
        assert!((1..=60).contains(&left), "{left}");
        redis::cmd("DEL").arg(&key).exec(&mut redis).unwrap();
    };
    expire(ticket);
    follow_by_ticket(&app, order, ticket).await.err().unwrap().expect_problem(401);

    let log = app.log();
    assert!(log.contains(&stream_of(order)) && !log.contains(ticket) && !log.contains(&customer.token));
}

#[tokio::test]
async fn tickets_cannot_be_guessed_from_one_another() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;

    let tickets = join_all((0..20).map(|_| async {
        let issued = customer.asks_for_a_ticket(order).await.expect(201);
        issued.json["ticket"].as_str().unwrap().to_owned()
    }))
    .await;

    assert_eq!(tickets.iter().collect::<HashSet<_>>().len(), 20);
    assert!(tickets.iter().all(|ticket| ticket.len() >= 22), "{tickets:?}");
}

#[tokio::test]
async fn a_couriers_ticket_is_worth_no_more_than_the_courier() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let order = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;
    let issued = courier.asks_for_a_ticket(order).await.expect(201);
    let ticket = issued.json["ticket"].as_str().unwrap();
    follow_by_ticket(&app, order, ticket).await.unwrap();

    app.database.assign(order, "somebody-else").await;

    follow_by_ticket(&app, order, ticket).await.err().unwrap().expect_problem(404);
}

#[tokio::test]
async fn without_redis_only_tickets_are_missing() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    // The API alone serves streams as well.
    let app = TestApp::own(Setup::default().redis_by(proxy.port()).only("api")).await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let issued = customer.asks_for_a_ticket(order).await.expect(201);
    let ticket = issued.json["ticket"].as_str().unwrap();
    let mut stream = customer.follows(order).await;
    stream.next().await.unwrap();

    proxy.cut();
    customer.asks_for_a_ticket(order).await.expect_retry_after(503);
    follow_by_ticket(&app, order, ticket).await.err().unwrap().expect_retry_after(503);
    admin.walks(order, &["preparing"]).await;
    assert_eq!(stream.next().await.unwrap().1, 3);
    customer.follows(order).await.next().await.unwrap();

    proxy.mend();
    app.eventually("tickets hold again", async || follow_by_ticket(&app, order, ticket).await.ok()).await;
}

#[tokio::test]
async fn a_stream_outlives_an_outage_of_postgres_and_loses_nothing() {
    let (database, _) = servers();
    let proxy = Proxy::to(&address(&database, 5432).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().database_by(proxy.port())).await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let mut stream = customer.follows(order).await;
    stream.next().await.unwrap();

    proxy.cut();
    app.database.set_status(order, "preparing").await;
    customer.get(&stream_of(order)).await.expect_retry_after(503);
    assert_eq!(stream.next_block().await, Some(Block::Comment));
    app.database.set_status(order, "out_for_delivery").await;
    proxy.mend();

    let news = [stream.next().await.unwrap(), stream.next().await.unwrap()];
    assert_eq!(outline(&news), [("status", 3), ("status", 4)]);
}

#[tokio::test]
async fn two_hundred_streams_see_a_change_at_once() {
    const CROWD: usize = 200;
    let app = TestApp::own(Setup::default()).await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let mut streams = join_all((0..CROWD).map(|_| customer.follows(order))).await;
    join_all(streams.iter_mut().map(EventStream::next)).await;

    let change = async {
        admin.walks(order, &["preparing"]).await;
        Instant::now()
    };
    let arrivals = join_all(streams.iter_mut().map(async |stream| {
        assert_eq!(stream.next().await.unwrap().1, 3);
        Instant::now()
    }));
    let (changed, arrived) = tokio::join!(change, arrivals);

    let mut delays: Vec<_> = arrived.iter().map(|at| at.saturating_duration_since(changed)).collect();
    delays.sort();
    println!("p50 {:?}, p99 {:?}", delays[CROWD / 2], delays[CROWD * 99 / 100]);
    assert!(delays[CROWD - 1] < Duration::from_secs(5), "{:?}", delays[CROWD - 1]);
}
