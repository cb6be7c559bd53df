//! `up`: reads the manifest, loads its components and runs its triggers.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::UpArgs;
use crate::engine::{LoadedComponent, Loader};
use crate::http_trigger::HttpServer;
use crate::manifest::Manifest;
use crate::redis_trigger::Subscriptions;
use crate::variables::{Source, Variables};

/// The application's components by their ids.
pub type Components = BTreeMap<String, Arc<LoadedComponent>>;

/// Runs until a trigger ends, which is an error; the other trigger ends with it.
pub async fn up(args: UpArgs) -> Result<()> {
    let mut manifest = Manifest::load(&args.from)?;
    manifest.retain_components(&args.component_id)?;
    let sources = Source::all(&args.variable, args.runtime_config_file.as_deref())?;
    let variables = Variables::resolve(&manifest.variables, &sources)?;

    let loader = Loader::new(args.quiet)?;
    let mut components = Components::new();
    for (id, component) in &manifest.component {
        let loaded = loader
            .load(id, component, &variables)
            .with_context(|| format!("cannot load component {id:?}"))?;
        components.insert(id.clone(), loaded);
    }

    let http = HttpServer::new(&manifest, &components)?;
    let redis = Subscriptions::new(&manifest, &components, &variables)?;
    match (http, redis) {
        (Some(http), Some(redis)) => {
            let ended = tokio::select! {
                ended = http.serve(args.address()?) => ended,
                ended = redis.listen() => ended,
            };
            println!("A trigger exited unexpectedly. Terminating.");
            ended
        }
        (Some(http), None) => http.serve(args.address()?).await,
        // Spin hands its flags to the triggers' own programs, and this one has no such flag.
        (None, Some(_)) if args.listen.is_some() => bail!("unexpected argument '--listen' found"),
        (None, Some(redis)) => redis.listen().await,
        (None, None) => Ok(()),
    }
}
