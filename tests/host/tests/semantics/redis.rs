//! Redis: replies and errors of commands, connections, and the trigger.

use serde_json::{Value, json};

use crate::app::{App, redis};

#[test]
fn replies_are_flattened_and_errors_are_text() {
    let host = App::new().up();
    let replies = |commands: Value| host.redis(commands);
    host.redis(json!([["DEL", "probe:text", "probe:hash", "probe:stream", "probe:sorted"]]));
    let ok = json!(["RedisResult::Status(\"OK\")"]);
    let nil = json!(["RedisResult::Nil"]);
    let cases = [
        (json!(["SET", "probe:text", "a"]), ok.clone()),
        (json!(["SET", "probe:text", "b", "NX"]), nil.clone()),
        (json!(["GET", "probe:none"]), nil.clone()),
        (json!(["GET", "probe:text"]), json!(["Binary(\"a\")"])),
        (json!(["PING"]), json!(["RedisResult::Status(\"PONG\")"])),
        (json!(["MGET", "probe:text", "probe:none"]), json!(["Binary(\"a\")", "RedisResult::Nil"])),
        (json!(["HSET", "probe:hash", "k", "v"]), json!(["RedisResult::Int64(1)"])),
        (json!(["HGETALL", "probe:hash"]), json!(["Binary(\"k\")", "Binary(\"v\")"])),
        (json!(["ZADD", "probe:sorted", "1", "m"]), json!(["RedisResult::Int64(1)"])),
        (
            json!(["ZRANGE", "probe:sorted", "0", "-1", "WITHSCORES"]),
            json!(["Binary(\"m\")", "Binary(\"1\")"]),
        ),
        (json!(["XADD", "probe:stream", "1-1", "k", "v"]), json!(["Binary(\"1-1\")"])),
        (
            json!(["XREAD", "STREAMS", "probe:stream", "0"]),
            json!(["Binary(\"probe:stream\")", "Binary(\"1-1\")", "Binary(\"k\")", "Binary(\"v\")"]),
        ),
        (json!(["XREAD", "BLOCK", "1", "STREAMS", "probe:stream", "1-1"]), nil),
        (
            json!(["EVAL", "return {1, {2, false}, 3.9, redis.status_reply('fine')}", "0"]),
            json!([
                "RedisResult::Int64(1)",
                "RedisResult::Int64(2)",
                "RedisResult::Nil",
                "RedisResult::Int64(3)",
                "RedisResult::Status(\"fine\")"
            ]),
        ),
    ];
    for (command, expected) in cases {
        assert_eq!(replies(json!([command]))[0], expected, "{command}");
    }
    for (command, text) in [
        (json!(["HGETALL", "probe:text"]), "WRONGTYPE"),
        (json!(["EVAL", "return redis.error_reply('MY bad')", "0"]), "bad"),
        (json!(["NO_SUCH_COMMAND"]), "unknown command"),
    ] {
        let reply = replies(json!([command]))[0].as_str().unwrap_or_default().to_owned();
        assert!(reply.starts_with("Error::Other(") && reply.contains(text), "{command}: {reply}");
    }
}

#[test]
fn each_open_is_a_new_connection() {
    let host = App::new().up();
    let ids = host.redis(json!([["CLIENT", "ID"], ["CLIENT", "ID"]]));
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], host.redis(json!([["CLIENT", "ID"]]))[0]);
}

#[test]
fn a_connection_that_fails_says_why() {
    let host = App::new().allow("redis://127.0.0.1:1").up();
    let open = |address: &str| {
        host.outcome(json!({ "redis": { "address": address, "commands": [] } }))["open"].clone()
    };
    assert_eq!(open("redis://127.0.0.1:1"), "Error::Other(\"Connection refused (os error 111)\")");
    assert_eq!(open("redis://127.0.0.1:2"), "Error::InvalidAddress");
}

/// The steps that a message leaves in `list`.
fn steps(list: &str) -> Value {
    let push = |step: &str| json!({ "redis": { "address": redis(), "commands": [["RPUSH", list, step]] } });
    json!({ "all": [push("begin {instance}"), { "sleep": { "milliseconds": 100 } }, push("end {instance}")] })
}

#[test]
fn messages_are_handled_one_after_another_each_by_a_fresh_instance() {
    let host = App::new().listening("probe:serial").up();
    host.redis(json!([["DEL", "probe:steps"]]));
    let message = steps("probe:steps").to_string();
    let publish = json!(["PUBLISH", "probe:serial", message]);
    // A message nobody understands is only logged.
    host.redis(json!([publish, ["PUBLISH", "probe:serial", "?"], publish]));
    let range =
        || json!({ "redis": { "address": redis(), "commands": [["LRANGE", "probe:steps", "0", "-1"]] } });
    let steps = host.until(range, |replies| replies[0].as_array().is_some_and(|steps| steps.len() == 4));
    let steps: Vec<&str> = steps[0].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let instance = |step: usize| steps[step].rsplit(' ').next().unwrap();
    assert!(
        steps[0].contains("begin") && steps[1].contains("end") && steps[2].contains("begin"),
        "{steps:?}"
    );
    assert_eq!((instance(0), instance(2)), (instance(1), instance(3)));
    assert_ne!(instance(0), instance(2));
}

#[test]
fn without_redis_the_whole_application_ends() {
    let lines =
        "[[trigger.redis]]\naddress = \"redis://127.0.0.1:1\"\nchannel = \"c\"\ncomponent = \"listener\"";
    let printed = App::new().with(lines).refused(&[]);
    assert!(printed.contains("Redis trigger failed to connect to 127.0.0.1:1"), "{printed}");
}

#[test]
fn a_lost_connection_to_redis_ends_the_whole_application() {
    // Its number of a database tells the trigger's connection from those of other tests.
    let mut address = url::Url::parse(&redis()).unwrap();
    address.set_path("/9");
    let host = App::new().listening_at(address.as_str(), "probe:lost").up();
    let clients = host.redis(json!([["CLIENT", "LIST", "TYPE", "pubsub"]]));
    let clients = clients[0][0].as_str().unwrap().replace("\\n", "\n");
    let client = clients.lines().find(|client| client.contains(" db=9 ")).unwrap();
    let id = client.split_once("id=").and_then(|(_, rest)| rest.split(' ').next()).unwrap();
    let kill = json!({ "redis": { "address": redis(), "commands": [["CLIENT", "KILL", "ID", id]] } });
    host.tell(&kill);
    let (status, printed) = host.process.ended();
    assert!(!status.success() && printed.contains("disconnected from"), "{printed}");
}

#[test]
fn one_component_can_run_alone() {
    let mut host = App::new().listening("probe:alone").up_with(&["-c", "probe"]);
    host.outcome(json!({ "print": { "line": "alone" } }));
    host.process.line("alone");
    let subscribers = host.redis(json!([["PUBSUB", "NUMSUB", "probe:alone"]]));
    assert_eq!(subscribers[0][1], "RedisResult::Int64(0)");
}

#[test]
fn an_application_without_http_takes_no_address_to_listen_on() {
    let said = App::new().listening("listen:alone").refused(&["-c", "listener"]);
    assert!(said.contains("unexpected argument '--listen' found"), "{said}");
}
