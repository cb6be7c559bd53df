//! Compiles components, links what they import, and makes instances of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use wasmtime::component::{Component, HasSelf, Instance, InstancePre, Linker, ResourceTable};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;
use wasmtime_wasi_http::p3::{WasiHttpCtxView, WasiHttpView};

use crate::allowed_hosts::AllowedHosts;
use crate::bindings::spin;
use crate::outbound_http::{HttpClient, OutboundHttp};
use crate::postgres::Pools;
use crate::variables::Variables;
use crate::{compose, manifest};

/// How many instances may live at once: Spin's number.
const MAX_INSTANCES: u32 = 1000;
const MEBIBYTE: usize = 1 << 20;

/// What all instances of a component share.
pub struct Shared {
    pub id: String,
    pub variables: BTreeMap<String, String>,
    pub allowed_hosts: AllowedHosts,
    pub postgres: Pools,
    environment: Vec<(String, String)>,
    http_client: HttpClient,
    quiet: bool,
}

/// A component that is ready to be instantiated.
pub struct LoadedComponent {
    shared: Arc<Shared>,
    pre: InstancePre<InstanceState>,
}

/// What one instance owns; it lives as long as the instance.
pub struct InstanceState {
    pub shared: Arc<Shared>,
    pub table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound_http: OutboundHttp,
}

/// Compiles and links an application's components.
pub struct Loader {
    engine: Engine,
    linker: Linker<InstanceState>,
    http_client: HttpClient,
    quiet: bool,
}

impl Loader {
    pub fn new(quiet: bool) -> Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model_async(true)
            // As in Spin: nothing is interrupted, but its checks are in all code.
            .epoch_interruption(true)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling()))
            .cache(Some(Cache::new(CacheConfig::new())?));
        let engine = Engine::new(&config)?;

        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        type State = HasSelf<InstanceState>;
        spin::postgres::postgres::add_to_linker::<_, State>(&mut linker, |state| state)?;
        spin::redis::redis::add_to_linker::<_, State>(&mut linker, |state| state)?;
        spin::variables::variables::add_to_linker::<_, State>(&mut linker, |state| state)?;

        Ok(Self { engine, linker, http_client: HttpClient::new(), quiet })
    }

    pub fn load(
        &self,
        id: &str,
        component: &manifest::Component,
        variables: &Variables,
    ) -> Result<Arc<LoadedComponent>> {
        let expand = |values: &BTreeMap<String, String>| {
            values
                .iter()
                .map(|(name, template)| Ok((name.clone(), variables.expand(template)?)))
                .collect::<Result<_>>()
        };
        let shared = Shared {
            id: id.to_owned(),
            variables: expand(&component.variables)?,
            allowed_hosts: AllowedHosts::parse(&component.allowed_outbound_hosts, variables)?,
            postgres: Pools::default(),
            environment: component.environment.clone().into_iter().collect(),
            http_client: self.http_client.clone(),
            quiet: self.quiet,
        };
        let bytes = compose::load(id, component)?;
        let compiled = Component::new(&self.engine, bytes)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("cannot compile {}", component.source.display()))?;
        let pre = self
            .linker
            .instantiate_pre(&compiled)
            .map_err(anyhow::Error::from)
            .context("it imports something that the stand-in does not provide")?;
        Ok(Arc::new(LoadedComponent { shared: Arc::new(shared), pre }))
    }
}

impl LoadedComponent {
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    pub fn pre(&self) -> &InstancePre<InstanceState> {
        &self.pre
    }

    pub async fn instantiate(&self) -> wasmtime::Result<(Store<InstanceState>, Instance)> {
        let state = InstanceState::new(Arc::clone(&self.shared));
        let mut store = Store::new(self.pre.engine(), state);
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate_async(&mut store).await?;
        Ok((store, instance))
    }
}

impl InstanceState {
    fn new(shared: Arc<Shared>) -> Self {
        let mut wasi = WasiCtx::builder();
        wasi.envs(&shared.environment);
        if !shared.quiet {
            // Both go to stderr, as in Spin.
            wasi.stdout(std::io::stderr()).stderr(std::io::stderr());
        }
        Self {
            outbound_http: OutboundHttp::new(shared.http_client.clone(), Arc::clone(&shared)),
            shared,
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
        }
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound_http, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Spin's pooling: slots for a thousand instances, whose memory is reused.
fn pooling() -> PoolingAllocationConfig {
    let mut pooling = PoolingAllocationConfig::default();
    pooling
        .total_component_instances(MAX_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_tables(2 * MAX_INSTANCES)
        .total_stacks(MAX_INSTANCES)
        .total_core_instances(4 * MAX_INSTANCES)
        .table_elements(100_000)
        .max_component_instance_size(10 * MEBIBYTE)
        .max_core_instance_size(10 * MEBIBYTE)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .linear_memory_keep_resident(2 * MEBIBYTE)
        .table_keep_resident(MEBIBYTE / 2);
    pooling
}
