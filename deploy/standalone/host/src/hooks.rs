//! Where `wasi:http` asks about outbound requests.

use std::sync::Arc;

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use crate::instance::ComponentRuntime;

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
        let answer = Arc::clone(&self.component.outbound).send(request, options);
        Box::new(async move {
            let response = answer.await?;
            Ok((response, Box::new(std::future::ready(Ok(()))) as Transmission))
        })
    }
}
