//! The route table, and one module for each resource.

mod health;
mod order_response;
mod orders;

use http::Method;

use crate::router::Route;

macro_rules! routes {
    ($($method:ident $path:literal => $handler:path,)*) => {
        &[$(Route { method: Method::$method, path: $path, handler: |call| Box::pin($handler(call)) },)*]
    };
}

pub static ROUTES: &[Route] = routes![
    GET "/health" => health::alive,
    POST "/orders" => orders::create,
    GET "/orders/my-orders" => orders::mine,
    GET "/orders/:order_id" => orders::get,
];
