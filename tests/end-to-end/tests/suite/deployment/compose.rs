//! `deploy/compose.yaml` and `deploy/Dockerfile`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Manifest, documents, text};

fn services() -> Map<String, Value> {
    let mut compose = documents("deploy/compose.yaml").remove(0);
    serde_json::from_value(compose["services"].take()).expect("there are services")
}

fn keys(map: &Value) -> impl Iterator<Item = &str> {
    map.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str))
}

#[test]
fn every_component_runs_once() {
    let services = services();
    let arguments =
        ["api", "tasks"].into_iter().flat_map(|name| services[name]["command"].as_array().unwrap());
    let run: Vec<&str> = arguments.filter_map(Value::as_str).filter(|word| !word.starts_with("--")).collect();
    let once: BTreeSet<String> = run.iter().map(|name| name.to_string()).collect();
    assert_eq!((once, run.len()), (Manifest::read().components(), 3));
}

#[test]
fn every_variable_is_one_of_spin_tomls_and_none_that_is_required_is_missing() {
    let manifest = Manifest::read();
    for name in ["api", "tasks"] {
        let service = &services()[name];
        let given: BTreeSet<String> = keys(&service["environment"])
            .map(|key| {
                key.strip_prefix("SPIN_VARIABLE_").expect("Spin's variables have a prefix").to_lowercase()
            })
            .collect();
        assert!(given.iter().all(|name| manifest.variables.contains_key(name)), "{given:?}");
        assert!(manifest.required().all(|name| given.contains(name)), "{given:?}");
    }
}

#[test]
fn no_secret_is_written_down() {
    let compose = text("deploy/compose.yaml");
    for (name, _) in Manifest::read().variables.iter().filter(|(_, variable)| variable.secret) {
        let key = format!("SPIN_VARIABLE_{}:", name.to_uppercase());
        for line in compose.lines().filter(|line| line.contains(&key)) {
            // Redis is reached from inside alone, and has no password.
            assert!(line.contains("${") || line.contains("redis://redis:6379"), "{line}");
        }
    }
}

#[test]
fn what_a_service_waits_for_and_is_built_from_exists() {
    let (services, dockerfile) = (services(), text("deploy/Dockerfile"));
    for (name, service) in &services {
        for other in keys(&service["depends_on"]) {
            assert!(services.contains_key(other), "{name} waits for {other}");
        }
        if let Some(target) = service["build"]["target"].as_str() {
            assert!(dockerfile.contains(&format!(" AS {target}\n")), "{name} is built from {target}");
        }
    }
}

#[test]
fn the_gateway_is_given_all_it_asks_for() {
    let template = text("deploy/gateway/orders.conf.template");
    let asked: BTreeSet<&str> =
        template.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
    let gateway = &services()["gateway"];
    assert_eq!(keys(&gateway["environment"]).collect::<BTreeSet<_>>(), asked);
}

#[test]
fn only_this_machine_reaches_it() {
    for (name, service) in services() {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")), "{name}: {port}");
        }
    }
}
