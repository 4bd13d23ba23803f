//! What every function needs: requests, principals, the sidecar's client, answers.
//!
//! A function says which routes it has and what each operation does; the kit does the rest: it finds the operation,
//! refuses wrong methods and unknown paths, authenticates, gives the request its id, and turns every outcome into an
//! answer with the headers that all answers have.
//!
//! ```ignore
//! use causeway_api::routes::files::{ENDPOINTS, Operation};
//! use causeway_function_kit::{Answer, Function, Problem, Request, export_function};
//!
//! struct Files;
//!
//! impl Function for Files {
//!     type Operation = Operation;
//!     const NAME: &'static str = "files";
//!
//!     fn endpoints() -> &'static [Endpoint<Operation>] {
//!         ENDPOINTS
//!     }
//!
//!     async fn perform(operation: Operation, mut request: Request) -> Result<Answer, Problem> {
//!         match operation {
//!             Operation::GetInfo => {
//!                 let connection = request.path_uuid("connection_id")?;
//!                 let path = SharePath::parse(request.query().required("path")?)
//!                     .map_err(|error| Problem::bad_request(error.to_string()))?;
//!                 // One internal call; `?` turns a refusal into its usual public answer.
//!                 let info = request.sidecar()?.call(&GetInfo { connection, path }).await?;
//!                 Answer::json(200, &FileInfo::from(info))
//!             }
//!             Operation::DeleteItem => {
//!                 // Long work waits longer; a refusal may get the words of this route.
//!                 request.sidecar()?.call_patiently(&DeleteItem { connection, path }).await.map_err(|refusal| {
//!                     refusal.or_else(|fault| match fault.code {
//!                         FaultCode::NotFound => Some(Problem::not_found("Item not found")),
//!                         _ => None,
//!                     })
//!                 })?;
//!                 Ok(Answer::empty(204))
//!             }
//!             Operation::GetFile => {
//!                 // The content passes from the sidecar to the client without entering the guest.
//!                 let conditions = RequestConditions::from_headers(request.headers().iter());
//!                 let head = ReadHead { connection, path, conditions, content_type, with_content: true, edit: None };
//!                 let (read, content) = request.sidecar()?.read_through(&head).await?;
//!                 Ok(Answer::content(read.plan.status.code(), content)
//!                     .headers(read.plan.headers)
//!                     .length(read.plan.content_length))
//!             }
//!             Operation::PutContent => {
//!                 let body = request.take_body();
//!                 let written = request.sidecar()?.write_through(&head, body).await?;
//!                 // …
//!             }
//!             Operation::List => {
//!                 let mut listing = request.sidecar()?.list(&list).await?;
//!                 let total = listing.head().total;
//!                 Ok(Answer::written(200, "application/json", async move |mut out| {
//!                     out.write(head_of_the_json).await?;
//!                     while let Some(batch) = listing.next().await? {
//!                         out.write(json_of(batch)).await?;
//!                     }
//!                     out.write(b"]}".to_vec()).await
//!                 }))
//!             }
//!         }
//!     }
//! }
//!
//! export_function!(Files);
//! ```
//!
//! Instances serve many requests, several at a time, of several users: nothing of a request or a user may live in a
//! static. Configuration may ([`Settings`]).

mod answer;
mod authentication;
mod body;
mod companion;
mod entry;
mod fetch;
mod form;
mod headers;
mod origin;
mod problem;
mod query;
mod request;
mod settings;
mod sidecar;
mod wording;

pub use answer::{Answer, BodyWriter, Interrupted};
pub use authentication::unix_seconds;
pub use body::{BodyError, ClientBody};
pub use companion::{OperationSession, ProofPlace};
pub use entry::{Function, handle};
pub use fetch::{FetchError, Fetched, fetch};
pub use form::{Form, FormError};
pub use headers::Headers;
pub use origin::Origin;
pub use problem::Problem;
pub use query::Query;
pub use request::{MAX_JSON_BODY, Request};
pub use settings::{Settings, settings, variable};
pub use sidecar::{Content, Listing, Refusal, Sidecar};
pub use wording::{NO_SHARE_NAME, Wording};

#[doc(hidden)]
pub use spin_sdk;

/// Makes the component's entry point (`wasi:http/handler`) out of a [`Function`].
#[macro_export]
macro_rules! export_function {
    ($function:ident) => {
        #[cfg(target_arch = "wasm32")]
        mod entry_point {
            use $crate::spin_sdk::wasip3;
            use $crate::spin_sdk::wasip3::http::types::{ErrorCode, Request, Response};

            struct Component;

            wasip3::http::service::export!(Component);

            impl wasip3::exports::http::handler::Guest for Component {
                async fn handle(request: Request) -> Result<Response, ErrorCode> {
                    $crate::handle::<super::$function>(request).await
                }
            }
        }

        /// What the component exports. A native build, for unit tests, has no host to export it to.
        #[cfg(not(target_arch = "wasm32"))]
        pub async fn handle(
            request: $crate::spin_sdk::wasip3::http::types::Request,
        ) -> Result<
            $crate::spin_sdk::wasip3::http::types::Response,
            $crate::spin_sdk::wasip3::http::types::ErrorCode,
        > {
            $crate::handle::<$function>(request).await
        }
    };
}
