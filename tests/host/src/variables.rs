//! An application's variables: where their values come from and `{{ templates }}` over them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::manifest::Variable;

/// The application's variables, each resolved once, at the start.
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Asks the sources in order; a variable that none of them knows has its default.
    pub fn resolve(declared: &BTreeMap<String, Variable>, sources: &[Source]) -> Result<Self> {
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in declared {
            check_name(name).map_err(anyhow::Error::msg)?;
            let mut value = None;
            for source in sources {
                value = source.get(name)?;
                if value.is_some() {
                    break;
                }
            }
            match value.or_else(|| variable.default.clone()) {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => missing.push(name.as_str()),
            }
        }
        ensure!(
            missing.is_empty(),
            "no value for the required variable(s) {}: set SPIN_VARIABLE_<NAME> or give --variable <name>=<value>",
            missing.join(", ")
        );
        Ok(Self(values))
    }

    /// Replaces each `{{ name }}` by that variable's value.
    pub fn expand(&self, template: &str) -> Result<String> {
        let mut expanded = String::new();
        let mut rest = template;
        while let Some((literal, expression)) = rest.split_once("{{") {
            let (name, after) = expression
                .split_once("}}")
                .with_context(|| format!("unmatched '{{{{' in template {template:?}"))?;
            let value = self
                .0
                .get(name.trim())
                .with_context(|| format!("unknown variable {:?} in template {template:?}", name.trim()))?;
            expanded.push_str(literal);
            expanded.push_str(value);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

/// Checks a variable's name by Spin's rules, and says which one it breaks.
pub fn check_name(name: &str) -> Result<(), String> {
    let invalid = |reason: String| Err(format!("{name:?}: {reason}"));
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_';
    if name.is_empty() {
        invalid("must not be empty".into())
    } else if let Some(c) = name.chars().find(|c| !allowed(c)) {
        invalid(format!(
            "invalid character {c:?}. Variable names may contain only lower-case letters, numbers, and underscores."
        ))
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        invalid("must start with a lowercase ASCII letter".into())
    } else if name.ends_with('_') {
        invalid("must end with a lowercase ASCII letter or digit".into())
    } else if name.contains("__") {
        invalid("must not contain multiple consecutive underscores".into())
    } else {
        Ok(())
    }
}

/// One place that may know a variable's value.
pub enum Source {
    Static(HashMap<String, String>),
    Environment { prefix: String, dotenv: HashMap<String, String> },
}

/// The host's settings: of Spin's runtime configuration the variables' providers only.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeConfig {
    #[serde(default, alias = "config_provider")]
    variables_provider: Vec<Provider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "type")]
enum Provider {
    Static { values: HashMap<String, String> },
    Env { prefix: Option<String>, dotenv_path: Option<PathBuf> },
}

impl Source {
    /// All sources in the order they are asked: `--variable`, the providers of the runtime
    /// configuration, the environment and `.env`.
    pub fn all(given: &[(String, String)], runtime_config: Option<&Path>) -> Result<Vec<Self>> {
        let config = match runtime_config {
            None => RuntimeConfig::default(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(anyhow::Error::from)
                .and_then(|text| Ok(toml::from_str(&text)?))
                .with_context(|| format!("cannot use the runtime configuration {}", path.display()))?,
        };
        let mut sources = vec![Self::from_command_line(given)?];
        for provider in config.variables_provider {
            sources.push(match provider {
                Provider::Static { values } => Self::Static(values),
                Provider::Env { prefix, dotenv_path } => Self::environment(prefix, dotenv_path.as_deref())?,
            });
        }
        sources.push(Self::environment(None, Some(Path::new(".env")))?);
        Ok(sources)
    }

    fn from_command_line(given: &[(String, String)]) -> Result<Self> {
        let mut values = HashMap::new();
        for (name, value) in given {
            let value = match value.strip_prefix('@') {
                None => value.clone(),
                Some(path) => std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the value of variable {name:?} from {path}"))?,
            };
            values.insert(name.clone(), value);
        }
        Ok(Self::Static(values))
    }

    fn environment(prefix: Option<String>, dotenv: Option<&Path>) -> Result<Self> {
        let dotenv = match dotenv {
            Some(path) if path.exists() => dotenvy::from_path_iter(path)
                .and_then(|entries| entries.collect())
                .with_context(|| format!("cannot read {}", path.display()))?,
            _ => HashMap::new(),
        };
        let prefix = prefix.unwrap_or_else(|| "SPIN_VARIABLE".to_owned());
        Ok(Self::Environment { prefix, dotenv })
    }

    fn get(&self, name: &str) -> Result<Option<String>> {
        match self {
            Self::Static(values) => Ok(values.get(name).cloned()),
            Self::Environment { prefix, dotenv } => {
                let key = format!("{prefix}_{}", name.to_ascii_uppercase());
                match std::env::var(&key) {
                    Ok(value) => Ok(Some(value)),
                    Err(std::env::VarError::NotPresent) => Ok(dotenv.get(&key).cloned()),
                    Err(error) => bail!("cannot use environment variable {key}: {error}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(text: &str, sources: &[Source]) -> Result<Variables> {
        Variables::resolve(&toml::from_str(text).unwrap(), sources)
    }

    fn source(pairs: &[(&str, &str)]) -> Source {
        Source::Static(pairs.iter().map(|&(k, v)| (k.into(), v.into())).collect())
    }

    #[test]
    fn the_first_source_that_knows_a_variable_wins_over_later_ones_and_the_default() {
        let sources = [source(&[("a", "1")]), source(&[("a", "2"), ("b", "2")])];
        let declared = "a = { default = \"0\" }\nb = { default = \"0\" }\nc = { default = \"0\" }";
        let variables = variables(declared, &sources).unwrap();
        assert_eq!(variables.expand("{{ a }}-{{b}}-{{ c }}").unwrap(), "1-2-0");
    }

    #[test]
    fn every_missing_required_variable_is_named() {
        let declared = "url = { required = true }\nkey = { required = true }";
        let error = variables(declared, &[]).err().unwrap().to_string();
        assert!(error.contains("key, url"), "{error}");
    }

    #[test]
    fn a_template_with_an_unknown_variable_or_an_open_brace_is_refused() {
        let variables = variables("", &[]).unwrap();
        assert!(variables.expand("{{ nope }}").unwrap_err().to_string().contains("\"nope\""));
        assert!(variables.expand("{{ nope").is_err());
        assert_eq!(variables.expand("{ plain }").unwrap(), "{ plain }");
    }

    #[test]
    fn names_follow_spins_rules() {
        for name in ["a", "a1", "snake_case"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", "A", "1a", "a_", "a__b", "a-b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
