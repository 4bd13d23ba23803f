//! The server's companion API (`/api/companion/…`), as far as an edit needs it.
//!
//! Redirects are never followed: the routes have none, so that one is a proxy which wants the person to sign in, and a
//! token must not go wherever it points.

mod answers;
mod fault;
mod transfer;

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use answers::{Bootstrap, FileInfo, Grant, Pulse, Released, Renewed, Saved};
pub use fault::{ApiError, Lifecycle};
pub use transfer::Destination;

use crate::secret::Secret;
use crate::server_address::ServerAddress;
use crate::session::Operation;

/// How long reaching the server may take (contract 9.11).
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// How long a short question may take (contract 9.11).
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of an answer that is not a file's content. Real ones have some kilobytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    client: Client,
    address: ServerAddress,
}

/// One file on it.
#[derive(Debug, Clone, Copy)]
pub struct RemoteFile<'a> {
    /// Id of the connection.
    pub connection: &'a str,
    /// Path below it.
    pub path: &'a str,
}

impl Server {
    /// The server at that address. Nothing is sent yet.
    pub fn new(address: ServerAddress) -> Result<Self, ApiError> {
        let client = Client::builder()
            .user_agent(concat!("causeway-companion/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .build()
            .map_err(|fault| ApiError::unreachable(&address, fault))?;
        Ok(Self { client, address })
    }

    /// Where it is.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Exchanges a link's token, which is good once.
    pub async fn exchange(&self, token: &Secret) -> Result<Bootstrap, ApiError> {
        let url = self.address.at(&["api", "companion", "token"]);
        self.json(self.client.post(url).json(&json!({"token": token.reveal()}))).await
    }

    /// Looks at the file before there is a lock.
    pub async fn file_info(&self, bootstrap: &Bootstrap) -> Result<FileInfo, ApiError> {
        let request = self.about(Method::GET, &bootstrap.connection_id, &["file-info"], &bootstrap.token);
        self.json(request.query(&[("path", &bootstrap.path)])).await
    }

    /// Takes the lock.
    pub async fn lock(&self, bootstrap: &Bootstrap) -> Result<Grant, ApiError> {
        let request = self.about(Method::POST, &bootstrap.connection_id, &["lock"], &bootstrap.token);
        self.json(request.query(&[("path", &bootstrap.path)])).await
    }

    /// Looks at the file under the lock. What is seen is from now on what the server compares a save with.
    pub async fn edit_info(&self, file: RemoteFile<'_>, edit: &Operation) -> Result<FileInfo, ApiError> {
        let request = self.about(Method::GET, file.connection, &["file-info"], &edit.token);
        self.json(request.query(&in_edit(file, edit))).await
    }

    /// Tells that the editing goes on.
    pub async fn heartbeat(&self, connection: &str, edit: &Operation) -> Result<Pulse, ApiError> {
        let request = self.about(Method::POST, connection, &["lock", "heartbeat"], &edit.token);
        self.json(request.json(&control(edit))).await
    }

    /// Asks for a new operation token.
    pub async fn renew(&self, connection: &str, edit: &Operation) -> Result<Renewed, ApiError> {
        let request = self.about(Method::POST, connection, &["session", "renew"], &edit.token);
        self.json(request.json(&control(edit))).await
    }

    /// Gives the lock back.
    pub async fn release(&self, connection: &str, edit: &Operation) -> Result<Released, ApiError> {
        let request = self.about(Method::DELETE, connection, &["lock"], &edit.token);
        self.json(request.json(&control(edit))).await
    }

    /// A request below `/api/companion/{connection}`.
    fn about(&self, method: Method, connection: &str, rest: &[&str], token: &Secret) -> RequestBuilder {
        let mut segments = vec!["api", "companion", connection];
        segments.extend(rest);
        self.client.request(method, self.address.at(&segments)).bearer_auth(token.reveal())
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let response = self.send(request.timeout(ANSWER_WITHIN)).await?;
        self.read_json(response).await
    }

    /// Sends a request and takes the answer if it is a good one.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await.map_err(|fault| ApiError::unreachable(&self.address, fault))?;
        let status = response.status();
        tracing::debug!(path = response.url().path(), status = status.as_u16(), "answered");
        // A proxy whose server is away says so in HTML, with a status that passes.
        let is_page = media_type(&response).contains("text/html") && !status.is_server_error();
        if status.is_redirection() || is_page {
            return Err(ApiError::Intercepted { server: self.address.to_string() });
        }
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read(response).await.unwrap_or_default();
        Err(ApiError::refused(status.as_u16(), &body))
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ApiError> {
        if !media_type(&response).contains("application/json") {
            return Err(ApiError::Intercepted { server: self.address.to_string() });
        }
        let body = self.read(response).await?;
        serde_json::from_slice(&body).map_err(|fault| ApiError::NotUnderstood { fault: fault.to_string() })
    }

    /// The body of an answer, if it is of a reasonable size.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(piece) =
            response.chunk().await.map_err(|fault| ApiError::unreachable(&self.address, fault))?
        {
            if body.len() + piece.len() > LARGEST_ANSWER {
                return Err(ApiError::NotUnderstood { fault: "the answer is too long".to_owned() });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

/// The query of a question about the file of an edit.
fn in_edit<'a>(file: RemoteFile<'a>, edit: &'a Operation) -> [(&'static str, &'a str); 3] {
    [("path", file.path), ("operation_id", &edit.operation_id), ("lock_id", &edit.lock_id)]
}

/// The body of the calls that prove the lock.
fn control(edit: &Operation) -> Value {
    json!({
        "operation_id": edit.operation_id,
        "lock_id": edit.lock_id,
        "lock_capability": edit.lock_capability.reveal(),
    })
}
