//! What an application needs to start: its variables, components and dependencies.

use std::time::Instant;

use serde_json::json;

use crate::app::{App, SUM};

fn on_stand_in() -> bool {
    std::env::var("HOST").is_ok_and(|host| host == "spin").eq(&false)
}

#[test]
fn a_component_is_composed_with_its_dependency() {
    assert_eq!(App::new().up().outcome(json!({ "add": { "a": 40, "b": 2 } })), 42);
}

#[test]
fn a_missing_required_variable_is_named() {
    let printed = App::new().with("[variables]\nsome_url = { required = true }").refused(&[]);
    assert!(printed.contains("some_url"), "{printed}");
}

#[test]
fn variables_come_from_the_command_line_the_providers_the_dotenv_file_and_the_manifest() {
    let declared = "[variables]\na = { default = \"manifest\" }\nb = { default = \"manifest\" }\n\
                    c = { default = \"manifest\" }\nd = { default = \"manifest\" }";
    let host = App::new()
        .with(declared)
        .variables("{ all = \"{{ a }} {{b}} {{ c }} {{ d }}\" }")
        .file(
            "runtime-config.toml",
            "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"provider\", b = \"provider\" }",
        )
        .file(".env", "SPIN_VARIABLE_A=dotenv\nSPIN_VARIABLE_B=dotenv\nSPIN_VARIABLE_C=dotenv")
        .up_with(&["--variable", "a=given", "--runtime-config-file", "runtime-config.toml"]);
    let variable = |name: &str| host.outcome(json!({ "variable": { "name": name } }));
    assert_eq!(variable("all"), "Ok(\"given provider dotenv manifest\")");
    assert_eq!(variable("other"), "Err(Error::Undefined(\"no variable for \\\"probe\\\".\\\"other\\\"\"))");
    assert!(variable("Other").as_str().unwrap().starts_with("Err(Error::InvalidName("));
}

#[test]
fn a_component_may_connect_nowhere_by_default() {
    let host = App::new().allow_nothing().up();
    assert!(host.statements(json!([]))["open"].as_str().unwrap().contains("is not permitted"));
    assert_eq!(host.redis(json!([]))["open"], "Error::InvalidAddress");
    let fetched = host.outcome(json!({ "fetch": { "url": "http://127.0.0.1:1/" } }));
    assert_eq!(fetched, "ErrorCode::HttpRequestDenied");
}

#[test]
fn an_unknown_import_is_named() {
    let component = r#"(component (import "nobody:knows/this@1.0.0" (instance (export "f" (func)))))"#;
    let lines = "[[trigger.http]]\nroute = \"/stranger\"\ncomponent = \"stranger\"\n\
                 [component.stranger]\nsource = \"stranger.wasm\"";
    let printed = App::new().component("stranger.wasm", component).with(lines).refused(&[]);
    assert!(printed.contains("nobody:knows/this@1.0.0"), "{printed}");
}

#[test]
fn a_dependency_without_the_export_is_refused() {
    let component = SUM.replace("probe:parts/sum", "probe:parts/other");
    let printed = App::new().component("sum.wasm", &component).refused(&[]);
    assert!(printed.contains("probe:parts/sum@0.1.0"), "{printed}");
}

#[test]
fn a_manifest_that_asks_for_more_than_the_stand_in_has_is_refused() {
    if on_stand_in() {
        let lines = "[component.other]\nsource = \"probe.wasm\"\nkey_value_stores = [\"default\"]";
        let printed = App::new().with(lines).refused(&[]);
        assert!(printed.contains("key_value_stores"), "{printed}");
    }
}

#[test]
fn a_stop_ends_the_host_at_once_whatever_runs() {
    let mut host = App::new().up();
    std::thread::scope(|scope| {
        let url = format!("{}/probe", host.url);
        let busy =
            json!({ "all": [{ "print": { "line": "busy" } }, { "sleep": { "milliseconds": 60_000 } }] });
        scope.spawn(move || ureq::post(url).send_json(busy).is_err());
        host.process.line("busy");
        let asked = Instant::now();
        host.process.terminate();
        host.process.ended();
        assert!(asked.elapsed().as_secs() < 10);
    });
}
