//! Where `wasi:http` asks about outbound requests.

use std::sync::Arc;

use http::{Request, Response};
use wasmtime::AsContextMut as _;
use wasmtime::component::{Accessor, HasData, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::client;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::{Request as WasiRequest, Response as WasiResponse};
use wasmtime_wasi_http::{
    Error, RequestOptions, Result, WasiBody, WasiHttp, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::instance::{ComponentRuntime, InstanceState};

/// A future that tells how a message went, in wasmtime's shape.
type Transmission = Box<dyn Future<Output = Result<()>> + Send>;

/// Checks and sends the outbound requests of one instance.
pub(crate) struct OutboundHooks {
    component: Arc<ComponentRuntime>,
}

impl OutboundHooks {
    pub(crate) fn new(component: Arc<ComponentRuntime>) -> Self {
        Self { component }
    }
}

impl WasiHttpHooks for OutboundHooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_processing: Transmission,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transmission)>> + Send> {
        if !self.component.allowed_hosts.allows(request.uri()) {
            let authority = request.uri().authority().map(ToString::to_string);
            tracing::warn!(component = &*self.component.id, authority, "an outbound request was denied");
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        let longest = self.component.limits.longest_call;
        let answer = Arc::clone(&self.component.outbound).send(request, options, longest);
        Box::new(async move {
            let response = answer.await?;
            Ok((response, Box::new(std::future::ready(Ok(()))) as Transmission))
        })
    }
}

/// `wasi:http/client` as wasmtime has it, except that a call ends with the exchange for which it is made.
///
/// An instance works on several requests, and there is no way to cancel a guest task from outside: without this the
/// call of a client that has gone would go on until its neighbours are done.
pub(crate) struct CancellableHttp;

impl HasData for CancellableHttp {
    type Data<'a> = WasiHttpCtxView<'a>;
}

impl client::HostWithStore<InstanceState> for CancellableHttp {
    async fn send(
        accessor: &Accessor<InstanceState, Self>,
        request: Resource<WasiRequest>,
    ) -> std::result::Result<Resource<WasiResponse>, TrappableError<ErrorCode>> {
        let exchange = accessor
            .with(|mut access| {
                let mut store = access.as_context_mut();
                let stack: Vec<_> = store.async_call_stack()?.collect();
                wasmtime::error::Ok(store.data().exchange(stack.into_iter()))
            })
            .map_err(TrappableError::trap)?;
        let http = accessor.with_getter::<WasiHttp>(WasiHttpView::http);
        let sending = <WasiHttp as client::HostWithStore<InstanceState>>::send(&http, request);
        match exchange {
            Some(exchange) => tokio::select! {
                response = sending => response,
                () = exchange.abandoned() => Err(ErrorCode::ConnectionTerminated.into()),
            },
            None => sending.await,
        }
    }
}
