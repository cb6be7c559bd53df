//! `POST /orders` by many at once.

use end_to_end::TestApp;
use futures::future::join_all;

#[tokio::test]
async fn simultaneous_creations_from_one_cart_make_one_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    // The first holds the checkout while the others arrive.
    customer.suffers("payment", "slow:1500").await;

    let answers = join_all((0..8).map(|_| customer.places_an_order())).await;

    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(placed.len(), 1, "{refused:?}");
    for answer in refused {
        answer.expect_retry_after(409);
    }
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 1);
    let books = app.dependencies.books(placed[0].id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1));
    assert_eq!(books["duplicates"], 0);
}

#[tokio::test]
async fn a_crowd_of_customers_is_served() {
    let app = TestApp::shared().await;
    let crowd: Vec<_> = (0..40).map(|_| app.customer()).collect();

    let answers = join_all(crowd.iter().map(|customer| customer.places_an_order())).await;

    for (customer, answer) in crowd.iter().zip(answers) {
        let order = answer.expect(201);
        assert_eq!(order.json["user_id"], serde_json::json!(customer.id));
        let books = app.dependencies.books(order.id()).await;
        assert_eq!(books["charges"].as_array().map(Vec::len), Some(1));
    }
}
