//! How requests are shared out to instances.

use std::thread;

use serde_json::json;

use crate::app::{Answer, App, Probe, redis};

#[test]
fn an_instance_serves_128_requests() {
    let host = App::new().up();
    let ask = || host.ask(json!({ "add": { "a": 1, "b": 1 } }));
    let first = ask().instance;
    for expected in 2..=128 {
        let answer = ask();
        assert_eq!((&answer.instance, answer.requests), (&first, expected));
    }
    let next = ask();
    assert_ne!(next.instance, first);
    assert_eq!(next.requests, 1);
}

#[test]
fn an_instance_serves_16_requests_at_once() {
    let mut host = App::new().up();
    host.redis(json!([["DEL", "probe:gate"]]));
    // Each request says that it runs, then waits at the gate.
    let request = |index: usize| {
        let wait = json!({ "address": redis(), "commands": [["BLPOP", "probe:gate", "60"]] });
        json!({ "all": [{ "print": { "line": format!("request {index} runs") } }, { "redis": wait }] })
    };
    let probe = Probe { url: host.url.clone() };
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asked: Vec<_> = (0..17)
            .map(|index| {
                let asked = scope.spawn({
                    let probe = &probe;
                    move || probe.ask(request(index))
                });
                host.process.line(&format!("request {index} runs"));
                asked
            })
            .collect();
        let open: Vec<_> = (0..17).map(|_| json!(["RPUSH", "probe:gate", "open"])).collect();
        host.redis(json!(open));
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    });
    let first = &answers[0].instance;
    let concurrent: Vec<u32> = answers[..16].iter().map(|answer| answer.concurrent).collect();
    assert!(answers[..16].iter().all(|answer| answer.instance == *first));
    assert_eq!(concurrent, (1..=16).collect::<Vec<u32>>());
    assert_ne!(answers[16].instance, *first);
}
