//! Instances of one component: what they are made of, how long they live, what they may use.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as StdInstant};

use tokio::time::{Instant, Sleep};
use wasmtime::component::{GuestTaskId, Linker, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::http::client::add_to_linker as add_client;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::config::{ComponentLimits, LogSink};
use crate::engine::{EpochClock, TICK, Ticking};
use crate::exchange::{Exchange, InstanceActivity};
use crate::hooks::{CancellableHttp, OutboundHooks};
use crate::key_value::KeyValue;
use crate::logs::LogStream;
use crate::outbound::{AllowedHosts, Outbound};
use crate::spin_interfaces::{SpinInterfaces, SpinView, add_key_value, add_variables};

/// How long an instance without work is kept: long enough for the next click, short enough to give memory back.
const IDLE_INSTANCE: Duration = Duration::from_secs(5);

/// How long guest code may go on after all its answers are through, for example to store what it has computed.
const POST_RETURN: Duration = Duration::from_secs(10);

/// What the deadline inside the instance has before it is enforced from outside, where all its requests end.
const ENFORCEMENT_SLACK: Duration = Duration::from_secs(1);

/// Everything that the instances of a component share.
pub(crate) struct ComponentRuntime {
    pub(crate) id: Arc<str>,
    pub(crate) limits: ComponentLimits,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) key_value_stores: Vec<String>,
    pub(crate) key_value: Arc<KeyValue>,
    pub(crate) allowed_hosts: AllowedHosts,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) environment: Vec<(String, String)>,
    /// (directory on the host, path in the component)
    pub(crate) mounts: Vec<(PathBuf, String)>,
    pub(crate) log_sink: Option<LogSink>,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<EpochClock>,
}

/// The data of an instance's store.
pub(crate) struct InstanceState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: OutboundHooks,
    limits: StoreLimits,
    component: Arc<ComponentRuntime>,
    /// The exchanges in this instance by the guest task that answers them, at most one for each request it may see.
    exchanges: HashMap<GuestTaskId, Weak<Exchange>>,
    _ticking: Ticking,
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

impl InstanceState {
    /// The exchange for which one of these guest tasks, a call stack, runs.
    pub(crate) fn exchange(&self, mut stack: impl Iterator<Item = GuestTaskId>) -> Option<Arc<Exchange>> {
        stack.find_map(|task| self.exchanges.get(&task)?.upgrade())
    }

    fn spin(&mut self) -> SpinView<'_> {
        SpinView { table: &mut self.table, component: &self.component }
    }
}

/// A linker with everything that components may import. An import that is not here fails the start by its name.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::bindings::http::types::add_to_linker::<_, WasiHttp>(
        &mut linker,
        WasiHttpView::http,
    )?;
    add_client::<_, CancellableHttp>(&mut linker, WasiHttpView::http)?;
    add_key_value::<_, SpinInterfaces>(&mut linker, InstanceState::spin)?;
    add_variables::<_, SpinInterfaces>(&mut linker, InstanceState::spin)?;
    Ok(linker)
}

/// Makes instances of one component.
pub(crate) struct InstanceFactory {
    pub(crate) component: Arc<ComponentRuntime>,
    pub(crate) pre: ProxyPre<InstanceState>,
}

impl InstanceFactory {
    fn store(&self, activity: &Arc<InstanceActivity>) -> wasmtime::Result<Store<InstanceState>> {
        let component = &self.component;
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(LogStream::new(Arc::clone(&component.id), false, component.log_sink.clone()))
            .stderr(LogStream::new(Arc::clone(&component.id), true, component.log_sink.clone()))
            .envs(&component.environment);
        for (source, destination) in &component.mounts {
            wasi.preopened_dir(source, destination, FsPerms::ReadOnly)?;
        }
        let state = InstanceState {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            hooks: OutboundHooks::new(Arc::clone(component)),
            limits: StoreLimitsBuilder::new()
                .memory_size(component.limits.memory)
                .trap_on_grow_failure(true)
                .build(),
            component: Arc::clone(component),
            exchanges: HashMap::new(),
            _ticking: component.clock.tick(),
        };
        let mut store = Store::new(&component.engine, state);
        store.limiter(|state| &mut state.limits);
        let budget =
            u32::try_from(component.limits.cpu.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX).max(1);
        let activity = Arc::clone(activity);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            if activity.count_tick() > budget {
                return Err(wasmtime::format_err!("the CPU budget of a request is used up"));
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        Ok(store)
    }
}

impl HandlerState for InstanceFactory {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceState, Expiration, Worker>> {
        let activity = Arc::new(InstanceActivity::new());
        let mut store = self.store(&activity)?;
        let proxy = self.pre.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration {
                activity: Arc::clone(&activity),
                deadline: self.component.limits.deadline,
                timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            },
            state: Worker { component: Arc::clone(&self.component), activity },
        })
    }
}

/// One instance as the proxy handler drives it.
pub(crate) struct Worker {
    component: Arc<ComponentRuntime>,
    activity: Arc<InstanceActivity>,
}

impl WorkerState for Worker {
    type StoreData = InstanceState;
    type RequestData = Arc<Exchange>;

    fn should_accept_request(&self, concurrent_count: usize, total_count: usize) -> ShouldAccept {
        if total_count >= self.component.limits.requests_per_instance {
            ShouldAccept::Never
        } else if concurrent_count >= self.component.limits.concurrent_per_instance {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, InstanceState>,
        exchange: Arc<Exchange>,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let exchanges = &mut store.data_mut().exchanges;
        exchanges.retain(|_, known| known.strong_count() > 0);
        exchanges.insert(task, Arc::downgrade(&exchange));
        exchange.begin(&self.activity);
        Box::pin(async move { exchange.expired().await })
    }

    fn drop(&self, store: Store<InstanceState>, result: Result<(), wasmtime::Error>) {
        drop(store);
        let Err(error) = result else { return };
        let component = &*self.component.id;
        if self.activity.is_unwanted() {
            tracing::debug!(
                component,
                error = format!("{error:#}"),
                "an instance that nobody waited for was ended"
            );
        } else {
            tracing::error!(
                component,
                error = format!("{error:?}"),
                "an instance trapped or ran out of time"
            );
        }
    }
}

/// Decides when an instance has to go.
pub(crate) struct Expiration {
    activity: Arc<InstanceActivity>,
    deadline: Duration,
    timer: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: StdInstant,
    ) -> Poll<()> {
        let this = &mut *self;
        this.activity.idle.register(cx.waker());
        let start = Instant::from_std(start);
        let last = this.activity.progress.last().max(start);
        let unwanted = this.activity.is_unwanted();
        let deadline = match status {
            WorkerStatus::Idle => start + IDLE_INSTANCE,
            // Every client has gone: nothing that the guest still does is of use.
            WorkerStatus::Requests if unwanted => return Poll::Ready(()),
            WorkerStatus::Requests => last + this.deadline + ENFORCEMENT_SLACK,
            WorkerStatus::PostReturn if unwanted => last + POST_RETURN,
            // Bodies are on their way; their own idle limits watch over them.
            WorkerStatus::PostReturn => return Poll::Pending,
        };
        while Instant::now() < deadline {
            if this.timer.deadline() != deadline {
                this.timer.as_mut().reset(deadline);
            }
            if this.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}
