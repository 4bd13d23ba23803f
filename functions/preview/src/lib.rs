//! The preview function: files for viewing and for keeping.
//!
//! For now every file is served as it is stored. The content goes from the sidecar to the client without entering the
//! guest; what is decided here is what the client is told about it.

mod content;

use causeway_api::Endpoint;
use causeway_api::routes::preview::{ENDPOINTS, Operation};
use causeway_function_kit::{Answer, Function, Problem, Request, export_function};

struct Preview;

impl Function for Preview {
    type Operation = Operation;
    const NAME: &'static str = "preview";

    fn endpoints() -> &'static [Endpoint<Operation>] {
        ENDPOINTS
    }

    async fn perform(operation: Operation, request: Request) -> Result<Answer, Problem> {
        match operation {
            Operation::View => content::view(&request).await,
            Operation::Download => content::download(&request).await,
        }
    }
}

export_function!(Preview);
