//! The part of `spin.toml` (manifest version 2) that the stand-in implements; anything else is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    spin_manifest_version: u32,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub trigger: Triggers,
    #[serde(default)]
    pub component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "metadata: accepted, without effect here")]
pub struct Application {
    pub name: String,
    pub version: Option<String>,
    description: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    #[serde(default)]
    pub trigger: TriggerDefaults,
    tool: Option<toml::Table>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerDefaults {
    pub redis: Option<RedisDefaults>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisDefaults {
    pub address: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "metadata: accepted, without effect here")]
pub struct Variable {
    pub default: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    secret: bool,
    description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
    #[serde(default)]
    pub redis: Vec<RedisTrigger>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "metadata: accepted, without effect here")]
pub struct HttpTrigger {
    id: Option<String>,
    pub route: String,
    pub component: String,
    executor: Option<Executor>,
}

/// How an HTTP component is run. Spin's Wagi executor is not implemented.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "type")]
enum Executor {
    #[serde(alias = "spin")]
    Http,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "metadata: accepted, without effect here")]
pub struct RedisTrigger {
    id: Option<String>,
    pub channel: String,
    pub address: Option<String>,
    pub component: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "metadata: accepted, without effect here")]
pub struct Component {
    pub source: PathBuf,
    description: Option<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub dependencies_inherit_configuration: bool,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Dependency>,
    build: Option<toml::Table>,
    tool: Option<toml::Table>,
}

/// A dependency from a file. Spin's other kinds (registry, URL, component) are not implemented.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    pub path: PathBuf,
    pub export: Option<String>,
    #[serde(default)]
    pub inherit_configuration: Inherited,
}

/// What a dependency may use of what its component may.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Inherited {
    AllOrNothing(bool),
    /// By names of the component's settings. Spin ignores others.
    Only(Vec<String>),
}

impl Default for Inherited {
    fn default() -> Self {
        Self::AllOrNothing(false)
    }
}

impl Inherited {
    pub fn has(&self, setting: &str) -> bool {
        match self {
            Self::AllOrNothing(all) => *all,
            Self::Only(settings) => settings.iter().any(|known| known == setting),
        }
    }
}

impl Manifest {
    /// Reads the manifest at `path`, or the `spin.toml` in it; paths in it become relative to it.
    pub fn load(path: &Path) -> Result<Self> {
        let path = if path.is_dir() { &path.join("spin.toml") } else { path };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the manifest {}", path.display()))?;
        let mut manifest = Self::parse(&text).with_context(|| {
            format!(
                "cannot run {}: the stand-in implements a part of Spin's manifest version 2 only",
                path.display()
            )
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for component in manifest.component.values_mut() {
            component.source = base.join(&component.source);
            for dependency in component.dependencies.values_mut() {
                dependency.path = base.join(&dependency.path);
            }
        }
        Ok(manifest)
    }

    fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text)?;
        ensure!(
            manifest.spin_manifest_version == 2,
            "spin_manifest_version is {}, not 2",
            manifest.spin_manifest_version
        );
        for (name, variable) in &manifest.variables {
            ensure!(
                variable.required != variable.default.is_some(),
                "variable {name:?} must either be required or have a default"
            );
        }
        let http = manifest.trigger.http.iter().map(|trigger| &trigger.component);
        let redis = manifest.trigger.redis.iter().map(|trigger| &trigger.component);
        for component in http.chain(redis) {
            ensure!(
                manifest.component.contains_key(component),
                "a trigger names component {component:?}, which the manifest does not define"
            );
        }
        Ok(manifest)
    }

    /// Leaves only these components' triggers, or all if none are given, and only the components
    /// that a trigger runs.
    pub fn retain_components(&mut self, ids: &[String]) -> Result<()> {
        for id in ids {
            ensure!(self.component.contains_key(id), "the manifest defines no component {id:?}");
        }
        let Triggers { http, redis } = &mut self.trigger;
        let wanted = |id: &String| ids.is_empty() || ids.contains(id);
        http.retain(|trigger| wanted(&trigger.component));
        redis.retain(|trigger| wanted(&trigger.component));
        self.component.retain(|id, _| {
            http.iter().any(|trigger| trigger.component == *id)
                || redis.iter().any(|trigger| trigger.component == *id)
        });
        ensure!(!self.component.is_empty(), "no triggers in the application");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "probe"
        [[trigger.http]]
        route = "/..."
        component = "probe"
        [component.probe]
        source = "probe.wasm"
    "#;

    fn refusal(text: &str) -> String {
        match Manifest::parse(text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn the_fields_spin_build_needs_are_accepted() {
        let text = format!("{BASE}\n[component.probe.build]\ncommand = \"make\"\nwatch = [\"*\"]");
        assert!(Manifest::parse(&text).is_ok());
    }

    #[test]
    fn what_is_not_implemented_is_refused_by_name() {
        let fields = ["key_value_stores", "files", "sqlite_databases", "ai_models"];
        for field in fields {
            assert!(refusal(&format!("{BASE}\n{field} = []")).contains(field));
        }
        assert!(refusal(&format!("{BASE}\n[[trigger.cron]]\ncomponent = \"probe\"")).contains("cron"));
        assert!(refusal(&BASE.replace("/...\"", "/...\"\nexecutor = { type = \"wagi\" }")).contains("wagi"));
        assert!(refusal(&BASE.replace("= 2", "= 1")).contains("not 2"));
        assert!(refusal(&BASE.replace("\"probe.wasm\"", "{ url = \"https://x\" }")).contains("source"));
    }

    #[test]
    fn a_dependency_inherits_what_it_is_given() {
        for (given, environment, variables) in [
            ("", false, false),
            (", inherit_configuration = false", false, false),
            (", inherit_configuration = true", true, true),
            (", inherit_configuration = [\"environment\"]", true, false),
        ] {
            let text =
                format!("{BASE}\n[component.probe.dependencies]\nsum = {{ path = \"sum.wasm\"{given} }}");
            let inherited =
                &Manifest::parse(&text).unwrap().component["probe"].dependencies["sum"].inherit_configuration;
            assert_eq!(
                (inherited.has("environment"), inherited.has("variables")),
                (environment, variables),
                "{given}"
            );
        }
    }

    #[test]
    fn a_trigger_of_an_undefined_component_is_refused() {
        assert!(refusal(&BASE.replace("[component.probe]", "[component.other]")).contains("\"probe\""));
    }

    #[test]
    fn a_variable_is_either_required_or_has_a_default() {
        assert!(refusal(&format!("{BASE}\n[variables]\nx = {{}}")).contains("\"x\""));
        assert!(Manifest::parse(&format!("{BASE}\n[variables]\nx = {{ required = true }}")).is_ok());
    }
}
