//! `deploy/spinkube`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Manifest, documents, text};

/// What we use of SpinKube's custom resource `core.spinkube.dev/v1alpha1`; any other field is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SpinApp {
    image: String,
    executor: String,
    components: BTreeSet<String>,
    replicas: Option<u32>,
    #[serde(default)]
    enable_autoscaling: bool,
    service_account_name: String,
    resources: ResourceRequirements,
    checks: Option<Checks>,
    variables: Vec<EnvVar>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checks {
    liveness: Check,
    readiness: Check,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Check {
    http_get: HttpGet,
    initial_delay_seconds: u32,
    period_seconds: u32,
    timeout_seconds: u32,
    failure_threshold: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpGet {
    path: String,
}

/// All that is applied with `kubectl apply -k`, and the job before it.
fn resources() -> Vec<Value> {
    let kustomization = documents("deploy/spinkube/kustomization.yaml").remove(0);
    assert_eq!(kustomization["kind"], "Kustomization");
    let files = kustomization["resources"].as_array().unwrap().iter().filter_map(Value::as_str);
    files.chain(["migrate.yaml"]).flat_map(|file| documents(&format!("deploy/spinkube/{file}"))).collect()
}

fn apps() -> BTreeMap<String, SpinApp> {
    let apps = resources().into_iter().filter(|resource| resource["kind"] == "SpinApp");
    apps.map(|mut app| {
        assert_eq!(app["apiVersion"], "core.spinkube.dev/v1alpha1");
        let name = app["metadata"]["name"].as_str().unwrap().to_owned();
        (name, serde_json::from_value(app["spec"].take()).unwrap_or_else(|error| panic!("{error}")))
    })
    .collect()
}

/// Reads a resource as Kubernetes does and writes it again: a field it doesn't know gets lost.
fn is_understood_as<T: DeserializeOwned + Serialize>(resource: &Value) {
    let read: T =
        serde_json::from_value(resource.clone()).unwrap_or_else(|error| panic!("{resource}: {error}"));
    assert_eq!(&serde_json::to_value(read).unwrap(), resource);
}

#[test]
fn every_resource_is_one_that_kubernetes_understands() {
    for resource in resources() {
        match resource["kind"].as_str().unwrap() {
            "ServiceAccount" => is_understood_as::<ServiceAccount>(&resource),
            "HorizontalPodAutoscaler" => is_understood_as::<HorizontalPodAutoscaler>(&resource),
            "PodDisruptionBudget" => is_understood_as::<PodDisruptionBudget>(&resource),
            "NetworkPolicy" => is_understood_as::<NetworkPolicy>(&resource),
            "Job" => is_understood_as::<Job>(&resource),
            // By its own type, wherever it is used.
            "SpinApp" => {}
            other => panic!("{other} isn't checked"),
        }
    }
    assert_eq!(apps().len(), 2);
}

#[test]
fn two_apps_of_one_image_run_every_component_once() {
    let apps = apps();
    let images: BTreeSet<&str> = apps.values().map(|app| app.image.as_str()).collect();
    let components: Vec<&String> = apps.values().flat_map(|app| &app.components).collect();

    assert_eq!(images.len(), 1);
    assert!(
        images.iter().all(|image| image.ends_with(concat!(":", env!("CARGO_PKG_VERSION")))),
        "{images:?}"
    );
    let once: BTreeSet<String> = components.iter().map(|name| name.to_string()).collect();
    assert_eq!((once, components.len()), (Manifest::read().components(), 3));
    for app in apps.values() {
        assert_eq!(
            (app.executor.as_str(), app.service_account_name.as_str()),
            ("containerd-shim-spin", "order-service")
        );
        assert!(app.resources.requests.is_some() && app.resources.limits.is_some());
        // The operator takes one of them, not both.
        assert_ne!(app.replicas.is_some(), app.enable_autoscaling);
    }
}

#[test]
fn variables_are_spin_tomls_and_secrets_come_from_a_secret() {
    let manifest = Manifest::read();
    for (name, app) in apps() {
        let given: BTreeMap<&str, &EnvVar> =
            app.variables.iter().map(|one| (one.name.as_str(), one)).collect();
        for required in manifest.required() {
            assert!(given.contains_key(required.as_str()), "{name} is not given {required}");
        }
        for (variable, value) in given {
            let declared =
                manifest.variables.get(variable).unwrap_or_else(|| panic!("{variable} isn't declared"));
            let from_secret = value.value_from.as_ref().is_some_and(|from| from.secret_key_ref.is_some());
            assert_eq!(from_secret, declared.secret, "{variable}");
        }
    }
}

#[test]
fn health_is_asked_of_what_serves_http() {
    let apps = apps();
    let checks = apps["order-api"].checks.as_ref().unwrap();
    assert_eq!(checks.liveness.http_get.path, "/health");
    assert_eq!(checks.readiness.http_get.path, "/health/ready");
    for check in [&checks.liveness, &checks.readiness] {
        assert!(check.timeout_seconds < check.period_seconds && check.failure_threshold > 1);
        assert!(check.initial_delay_seconds <= 5);
    }
    assert!(apps["order-tasks"].checks.is_none());
}

#[test]
fn the_network_lets_each_app_reach_what_it_calls() {
    let manifest = text("spin.toml");
    let policies: BTreeMap<String, Value> = resources()
        .into_iter()
        .filter(|resource| resource["kind"] == "NetworkPolicy")
        .map(|policy| (policy["metadata"]["name"].as_str().unwrap().to_owned(), policy))
        .collect();
    for (name, app) in apps() {
        let policy = &policies[&name];
        assert_eq!(
            policy["spec"]["podSelector"]["matchLabels"],
            json!({ "core.spinkube.dev/app-name": name })
        );
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        let rules = policy["spec"]["egress"].as_array().unwrap();
        // Each rule names somebody: an empty `to` would be everybody.
        assert!(rules.iter().all(|rule| rule["to"].as_array().is_some_and(|to| !to.is_empty())));
        let ports: BTreeSet<u64> = rules
            .iter()
            .flat_map(|rule| rule["ports"].as_array().unwrap())
            .filter_map(|port| port["port"].as_u64())
            .collect();
        let called = app.components.iter().flat_map(|component| called_by(&manifest, component));
        for port in called.chain([53, 6379]) {
            assert!(ports.contains(&port), "{name} can't reach port {port}");
        }
    }
    assert_eq!(policies["order-tasks"]["spec"]["ingress"], json!([]));
}

/// The ports that a component may call, by the defaults of the variables in `spin.toml`.
fn called_by(manifest: &str, component: &str) -> Vec<u64> {
    let manifest: toml::Table = toml::from_str(manifest).unwrap();
    let hosts = manifest["component"][component]["allowed_outbound_hosts"].as_array().unwrap();
    let ports = hosts.iter().filter_map(|host| {
        let variable = host.as_str()?.split_once("{{ ")?.1.split_once(" }}")?.0;
        match variable {
            "database_address" => Some(5432),
            "redis_address" => Some(6379),
            _ => manifest["variables"][variable]["default"].as_str()?.rsplit(':').next()?.parse().ok(),
        }
    });
    let ports: Vec<u64> = ports.collect();
    assert_eq!(ports.len(), hosts.len(), "{component}: {hosts:?}");
    ports
}

#[test]
fn the_autoscaler_means_the_api_and_each_app_has_a_budget() {
    let mut budgets = BTreeSet::new();
    for resource in resources() {
        let spec = &resource["spec"];
        match resource["kind"].as_str() {
            // The operator gives its Deployment the name of the app.
            Some("HorizontalPodAutoscaler") => {
                let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "order-api" });
                assert_eq!(spec["scaleTargetRef"], target);
                assert!(spec["minReplicas"].as_u64() >= Some(2));
            }
            Some("PodDisruptionBudget") => {
                let name = resource["metadata"]["name"].as_str().unwrap().to_owned();
                let app = json!({ "matchLabels": { "core.spinkube.dev/app-name": name } });
                assert_eq!(spec["selector"], app);
                budgets.insert(name);
            }
            _ => {}
        }
    }
    assert!(budgets.iter().eq(apps().keys()), "{budgets:?}");
}
