//! How requests are shared out to instances.

use std::collections::BTreeMap;
use std::thread;

use serde_json::json;

use crate::app::{Answer, App};

#[test]
fn an_instance_serves_128_requests() {
    let host = App::new().up();
    let first = host.ask(json!({ "sleep": { "milliseconds": 0 } })).instance;
    for expected in 2..=128 {
        let answer = host.ask(json!({ "sleep": { "milliseconds": 0 } }));
        assert_eq!((&answer.instance, answer.requests), (&first, expected));
    }
    let next = host.ask(json!({ "sleep": { "milliseconds": 0 } }));
    assert_ne!(next.instance, first);
    assert_eq!(next.requests, 1);
}

#[test]
fn an_instance_serves_16_requests_at_once() {
    let host = App::new().up();
    let ask = || host.ask(json!({ "sleep": { "milliseconds": 1000 } }));
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asking: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let mut most: BTreeMap<&str, u32> = BTreeMap::new();
    for answer in &answers {
        let concurrent = most.entry(&answer.instance).or_default();
        *concurrent = answer.concurrent.max(*concurrent);
    }
    assert!(most.len() >= 2, "{most:?}");
    assert_eq!(most.values().max(), Some(&16), "{most:?}");
}
