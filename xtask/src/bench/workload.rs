//! The workloads: mixtures of requests as a shop's customers and staff send them.

use std::fmt;

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Workload {
    /// One order, again and again, by its owner
    GetOrderHot,
    /// Any of the orders, by its owner
    GetOrderRandom,
    /// One customer's newest orders after another's
    MyOrders,
    /// The newest orders of one status after another
    AdminList,
    /// One customer's order after another's: cart, products, payment
    CreateOrder,
    /// Orders on their way from confirmed to delivered
    UpdateStatus,
    /// 80 % get_order_random, 15 % create_order, 5 % update_status
    Mixed,
}

impl Workload {
    /// Which part of the requests takes an order a step further.
    pub fn share_of_steps(self) -> f64 {
        match self {
            Workload::UpdateStatus => 1.0,
            Workload::Mixed => 0.05,
            _ => 0.0,
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let value = self.to_possible_value().expect("no workload is hidden");
        out.pad(value.get_name())
    }
}
