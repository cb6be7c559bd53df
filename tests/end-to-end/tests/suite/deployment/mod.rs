//! What `deploy/` offers: each file against what reads it, and against the manifest it deploys.

mod compose;
mod gateway;
mod spinkube;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// What of `spin.toml` a deployment must fit.
#[derive(Deserialize)]
struct Manifest {
    variables: BTreeMap<String, Variable>,
    component: BTreeMap<String, toml::Table>,
}

#[derive(Deserialize)]
struct Variable {
    #[serde(default)]
    required: bool,
    #[serde(default)]
    secret: bool,
}

impl Manifest {
    fn read() -> Manifest {
        toml::from_str(&text("spin.toml")).expect("spin.toml is valid")
    }

    fn components(&self) -> BTreeSet<String> {
        self.component.keys().cloned().collect()
    }

    fn required(&self) -> impl Iterator<Item = &String> {
        self.variables.iter().filter(|(_, variable)| variable.required).map(|(name, _)| name)
    }
}

/// A file of the repository.
fn text(path: &str) -> String {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let path = PathBuf::from(root).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a YAML file.
fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
