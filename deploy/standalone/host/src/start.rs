//! From an application and a configuration to components that can be instantiated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::handler::ProxyPre;

use crate::app::App;
use crate::artifact::{self, ArtifactCache, Origin};
use crate::config::HostConfig;
use crate::engine::EpochClock;
use crate::host::StartError;
use crate::instance::{ComponentRuntime, InstanceFactory, InstanceState};
use crate::key_value::KeyValue;
use crate::manifest;
use crate::outbound::{AllowedHosts, Outbound};
use crate::variables::{application_values, component_values};

/// Checks the configuration against the manifest and resolves every template. All faults at once.
pub(crate) fn configure(
    app: &App,
    config: &HostConfig,
    engine: &Engine,
    clock: &Arc<EpochClock>,
    outbound: &Arc<Outbound>,
    key_value: &Arc<KeyValue>,
) -> Result<Vec<Arc<ComponentRuntime>>, StartError> {
    let mut faults = Vec::new();
    let values = application_values(&app.manifest, &config.variables).unwrap_or_else(|found| {
        faults.extend(found);
        BTreeMap::new()
    });
    for id in config.component_limits.keys().filter(|id| !app.manifest.components.contains_key(*id)) {
        faults.push(format!("limits are given for component `{id}`, which the manifest does not have"));
    }
    if !faults.is_empty() {
        return Err(StartError::Configuration(faults));
    }
    let mut runtimes = Vec::new();
    for (id, component) in &app.manifest.components {
        match runtime(id, component, &values, app, config, engine, clock, outbound, key_value) {
            Ok(runtime) => runtimes.push(Arc::new(runtime)),
            Err(found) => faults.extend(found.into_iter().map(|fault| format!("component `{id}`: {fault}"))),
        }
    }
    if faults.is_empty() { Ok(runtimes) } else { Err(StartError::Configuration(faults)) }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one struct, gathered at one place")]
fn runtime(
    id: &str,
    component: &manifest::Component,
    values: &BTreeMap<String, String>,
    app: &App,
    config: &HostConfig,
    engine: &Engine,
    clock: &Arc<EpochClock>,
    outbound: &Arc<Outbound>,
    key_value: &Arc<KeyValue>,
) -> Result<ComponentRuntime, Vec<String>> {
    let mut faults = Vec::new();
    let mut note = |fault: String| faults.push(fault);
    let limits = config.component_limits.get(id).cloned().unwrap_or_default();
    if limits.requests_per_instance == 0 || limits.concurrent_per_instance == 0 {
        note("an instance must be able to answer one request".to_owned());
    }
    let variables = component_values(component, values).map_err(&mut note).unwrap_or_default();
    let mut hosts = Vec::new();
    for template in &component.allowed_outbound_hosts {
        match template.resolve(values) {
            Ok(host) => hosts.push(host),
            Err(missing) => note(format!("`{template}` needs `{missing}`, which has no value")),
        }
    }
    let allowed_hosts =
        AllowedHosts::parse(hosts.iter().map(String::as_str)).map_err(&mut note).unwrap_or_default();
    let mounts = mounts(id, component, app, config).map_err(&mut note).unwrap_or_default();
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(ComponentRuntime {
        id: id.into(),
        limits,
        variables,
        key_value_stores: component.key_value_stores.clone(),
        key_value: Arc::clone(key_value),
        allowed_hosts,
        outbound: Arc::clone(outbound),
        environment: component.environment.clone().into_iter().collect(),
        mounts,
        log_sink: config.log_sink.clone(),
        engine: engine.clone(),
        clock: Arc::clone(clock),
    })
}

/// The directories that a component sees: its `files`, replaced and complemented by [`HostConfig::mounts`].
fn mounts(
    id: &str,
    component: &manifest::Component,
    app: &App,
    config: &HostConfig,
) -> Result<Vec<(PathBuf, String)>, String> {
    let mut mounts: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in &component.files {
        let replaced = config
            .mounts
            .iter()
            .find(|mount| mount.component.is_none() && mount.destination == entry.destination)
            .map(|mount| mount.source.clone());
        match (replaced, &app.root) {
            (Some(source), _) => {
                mounts.insert(entry.destination.clone(), source);
            }
            (None, Some(root)) => {
                mounts.insert(entry.destination.clone(), root.join(&entry.source));
            }
            // Nothing stands beside an application inside the program.
            (None, None) => {
                tracing::debug!(component = id, entry.destination, "no directory is mounted here");
            }
        }
    }
    for mount in config.mounts.iter().filter(|mount| mount.component.as_deref() == Some(id)) {
        mounts.insert(mount.destination.clone(), mount.source.clone());
    }
    for (destination, source) in &mounts {
        if !destination.starts_with('/') {
            return Err(format!("`{destination}` is not an absolute path"));
        }
        if !source.is_dir() {
            return Err(format!(
                "{} is to be seen as {destination}, but is not a directory",
                source.display()
            ));
        }
    }
    Ok(mounts.into_iter().map(|(destination, source)| (source, destination)).collect())
}

/// Compiles or loads one component and links it.
pub(crate) fn link(
    runtime: Arc<ComponentRuntime>,
    wasm: &[u8],
    cache: Option<&ArtifactCache>,
    linker: &Linker<InstanceState>,
) -> Result<(InstanceFactory, Origin), StartError> {
    let started = Instant::now();
    let fail = |error: wasmtime::Error| StartError::Component {
        component: runtime.id.to_string(),
        reason: format!("{error:#}"),
    };
    let (component, origin) = artifact::compile(&runtime.engine, cache, wasm).map_err(fail)?;
    let pre = prepare(linker, &component).map_err(fail)?;
    tracing::info!(
        component = &*runtime.id,
        cached = origin == Origin::Cached,
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "component ready"
    );
    Ok((InstanceFactory { component: runtime, pre }, origin))
}

/// A component answers HTTP by the interface of WASI 0.3 or by that of 0.2.
fn prepare(
    linker: &Linker<InstanceState>,
    component: &Component,
) -> wasmtime::Result<ProxyPre<InstanceState>> {
    let pre = linker.instantiate_pre(component)?;
    match wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
        Ok(service) => Ok(ProxyPre::P3(service)),
        Err(newer) => match wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre) {
            Ok(proxy) => Ok(ProxyPre::P2(proxy)),
            Err(_) => Err(newer),
        },
    }
}
