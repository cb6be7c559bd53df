//! Composes a component with its `[component.x.dependencies]`.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use wac_graph::types::{Package, SubtypeChecker, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use crate::manifest::{Component, Dependency};

/// What a dependency must not reach that doesn't inherit the setting. Spin puts an adapter in between that fails
/// each call; the stand-in refuses the composition instead.
const CAPABILITIES: [(&str, &[&str]); 6] = [
    ("ai_models", &["fermyon:spin/llm"]),
    (
        "allowed_outbound_hosts",
        &[
            "fermyon:spin/http",
            "fermyon:spin/mqtt",
            "fermyon:spin/mysql",
            "fermyon:spin/postgres",
            "fermyon:spin/redis",
            "spin:mqtt/",
            "spin:mysql/",
            "spin:postgres/",
            "spin:redis/",
            "wasi:http/client",
            "wasi:http/outgoing-handler",
            "wasi:sockets/",
        ],
    ),
    ("files", &["wasi:filesystem/preopens"]),
    ("key_value_stores", &["fermyon:spin/key-value", "spin:key-value/", "wasi:keyvalue/"]),
    ("sqlite_databases", &["fermyon:spin/sqlite", "spin:sqlite/"]),
    ("variables", &["fermyon:spin/config", "fermyon:spin/variables", "spin:variables/", "wasi:config/"]),
];

/// Reads a component and composes it with its dependencies, if it has any.
pub fn load(id: &str, component: &Component) -> Result<Vec<u8>> {
    let source = read(&component.source)?;
    if component.dependencies.is_empty() {
        return Ok(source);
    }
    let mut graph = CompositionGraph::new();
    let (world, instance) = add(&mut graph, id, source)?;
    let mut satisfied = Vec::new();
    for (name, dependency) in &component.dependencies {
        let imports: Vec<String> = graph.types()[world]
            .imports
            .keys()
            .filter(|import| names(name, import) && !satisfied.contains(*import))
            .cloned()
            .collect();
        ensure!(
            !imports.is_empty(),
            "dependency {name:?} matches no import of component {id:?} that is still open"
        );
        let (provider_world, provider) = add(&mut graph, name, read(&dependency.path)?)?;
        if !component.dependencies_inherit_configuration {
            check_capabilities(&graph, (name, dependency), provider_world, component)?;
        }
        for import in imports {
            connect(&mut graph, (world, instance), (provider_world, provider), &import, dependency)
                .with_context(|| format!("dependency {name:?} cannot satisfy import {import:?}"))?;
            satisfied.push(import);
        }
    }
    export_all(&mut graph, world, instance)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read the component {}", path.display()))
}

fn add(graph: &mut CompositionGraph, name: &str, bytes: Vec<u8>) -> Result<(WorldId, NodeId)> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())?;
    let world = package.ty();
    let package = graph.register_package(package)?;
    Ok((world, graph.instantiate(package)))
}

/// Whether a dependency's name in the manifest means this import: its very name, the same without a
/// version, or its package alone.
fn names(dependency: &str, import: &str) -> bool {
    let (import_path, import_version) = split_version(import);
    let (path, version) = split_version(dependency);
    let package = import_path.split_once('/').map(|(package, _interface)| package);
    (path == import_path || Some(path) == package) && (version.is_none() || version == import_version)
}

fn split_version(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (name, None),
    }
}

fn check_capabilities(
    graph: &CompositionGraph,
    (name, dependency): (&str, &Dependency),
    world: WorldId,
    component: &Component,
) -> Result<()> {
    let inherited = &dependency.inherit_configuration;
    for (setting, capabilities) in CAPABILITIES.iter().filter(|(setting, _)| !inherited.has(setting)) {
        for import in graph.types()[world].imports.keys() {
            if capabilities.iter().any(|capability| import.starts_with(capability)) {
                bail!(
                    "dependency {name:?} imports {import:?}, which it may not use: it doesn't inherit {setting}"
                );
            }
        }
    }
    ensure!(
        component.environment.is_empty() || inherited.has("environment"),
        "the stand-in cannot keep the component's environment from dependency {name:?}"
    );
    Ok(())
}

/// Gives the dependent's import the dependency's export of that name, or the one the manifest names.
fn connect(
    graph: &mut CompositionGraph,
    (world, instance): (WorldId, NodeId),
    (provider_world, provider): (WorldId, NodeId),
    import: &str,
    dependency: &Dependency,
) -> Result<()> {
    let export = dependency.export.as_deref().unwrap_or(import);
    let types = graph.types();
    let exported = types[provider_world].exports.get(export);
    let exported = *exported.with_context(|| format!("it exports no {export:?}"))?;
    let imported = types[world].imports[import];
    SubtypeChecker::new(&mut Default::default())
        .is_subtype(exported, types, imported, types)
        .context("the types differ")?;
    let export = graph.alias_instance_export(provider, export)?;
    graph.set_instantiation_argument(instance, import, export)?;
    Ok(())
}

fn export_all(graph: &mut CompositionGraph, world: WorldId, instance: NodeId) -> Result<()> {
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for name in exports {
        let export = graph.alias_instance_export(instance, &name)?;
        graph.export(export, &name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_dependency_names_an_interface_a_version_or_a_package() {
        for (dependency, import) in [
            ("foo:bar/baz@0.1.0", "foo:bar/baz@0.1.0"),
            ("foo:bar/baz", "foo:bar/baz@0.1.0"),
            ("foo:bar", "foo:bar/baz@0.1.0"),
            ("foo:bar@0.1.0", "foo:bar/baz@0.1.0"),
            ("foo-bar", "foo-bar"),
        ] {
            assert!(names(dependency, import), "{dependency} {import}");
        }
        for (dependency, import) in [
            ("foo:bar/baz@0.1.0", "foo:bar/baz"),
            ("foo:bar/baz", "foo:bar/bub"),
            ("foo:bar@0.2.0", "foo:bar/baz@0.1.0"),
            ("foo:bar/baz", "foo-bar"),
        ] {
            assert!(!names(dependency, import), "{dependency} {import}");
        }
    }
}
