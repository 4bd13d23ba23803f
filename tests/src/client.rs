//! People who use the API.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::answer::Answer;

/// How long a case waits for an answer: more than the product's own deadlines, so that those are what one sees.
const ANSWER_WITHIN: Duration = Duration::from_mins(3);

/// Somebody with a token, or nobody.
#[derive(Debug, Clone)]
pub struct User {
    address: String,
    /// Of sockets, where it is not the same.
    live: Option<String>,
    token: Option<String>,
    client: Client,
}

impl User {
    /// Nobody: requests without a token.
    ///
    /// # Panics
    ///
    /// If there is no HTTP client to be had.
    pub fn anonymous(address: &str) -> Self {
        let client = Client::builder()
            .timeout(ANSWER_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            // The companion has TLS, and so has whatever is built with it: reading the system's certificates for each of
            // thousands of clients would take minutes.
            .tls_built_in_root_certs(false);
        let client = client.build().expect("an HTTP client");
        Self { address: address.to_owned(), live: None, token: None, client }
    }

    /// One who opens sockets there: `ws://127.0.0.1:PORT/api/ws`.
    #[must_use]
    pub fn with_live_address(self, address: String) -> Self {
        Self { live: Some(address), ..self }
    }

    /// Where sockets are opened.
    pub fn live_address(&self) -> String {
        self.live.clone().unwrap_or_else(|| format!("{}/api/ws", self.address.replacen("http", "ws", 1)))
    }

    /// The bearer of that token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), live: self.live.clone(), ..Self::anonymous(&self.address) }
    }

    /// The bearer of that token, who goes on with the connections that there are.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Nobody, with the connections that there are.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Signs in; panics when that is refused.
    #[track_caller]
    pub fn sign_in(address: &str, username: &str, password: &str) -> impl Future<Output = Self> {
        let anonymous = Self::anonymous(address);
        let attempt = anonymous.try_sign_in(username, password);
        async move {
            let answer = attempt.await.expect(200).json();
            let token = answer["access_token"].as_str().expect("a token");
            anonymous.with_token(token)
        }
    }

    /// Tries to sign in, as a browser does.
    pub fn try_sign_in(&self, username: &str, password: &str) -> impl Future<Output = Answer> + use<> {
        let form = Form::new().text("username", username.to_owned()).text("password", password.to_owned());
        self.post("/api/auth/token").form(form).send()
    }

    /// The token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or("")
    }

    /// Where the product answers.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A request.
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        let asked = format!("{method} {path}");
        let mut builder = self.client.request(method, format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        Ask { asked, builder }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    /// `POST`.
    pub fn post(&self, path: &str) -> Ask {
        self.ask(Method::POST, path)
    }

    /// `PUT`.
    pub fn put(&self, path: &str) -> Ask {
        self.ask(Method::PUT, path)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Ask {
        self.ask(Method::DELETE, path)
    }

    /// The routes of one connection.
    pub fn on(&self, connection: &str) -> Share {
        Share { user: self.clone(), connection: connection.to_owned() }
    }
}

/// A request that is being put together.
#[derive(Debug)]
pub struct Ask {
    asked: String,
    builder: RequestBuilder,
}

impl Ask {
    /// A query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.asked = format!("{} [{name}={value}]", self.asked);
        self.builder = self.builder.query(&[(name, value)]);
        self
    }

    /// A header.
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.asked = format!("{} [{name}: {value}]", self.asked);
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.builder = self.builder.header(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// A JSON body.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!({…}) in place")]
    pub fn json(mut self, body: Value) -> Self {
        self.builder = self.builder.json(&body);
        self
    }

    /// A body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.builder = self.builder.body(body);
        self
    }

    /// A multipart form.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.builder = self.builder.multipart(form);
        self
    }

    /// A form as browsers without script send it.
    #[must_use]
    pub fn urlencoded(mut self, fields: &[(&str, &str)]) -> Self {
        self.builder = self.builder.form(fields);
        self
    }

    /// Sends it and reads the whole answer; panics when the connection breaks.
    #[track_caller]
    pub fn send(self) -> impl Future<Output = Answer> + use<> {
        let asked = self.asked.clone();
        let attempt = self.try_send();
        async move { attempt.await.unwrap_or_else(|fault| panic!("{asked}: {fault:#}")) }
    }

    /// Sends it and reads the whole answer, if it comes.
    pub async fn try_send(self) -> Result<Answer> {
        let response = self.builder.send().await.context("no answer")?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.context("the body ended too early")?;
        Ok(Answer::new(self.asked, status, headers, body))
    }

    /// Sends it and hands over the answer before its body is read.
    pub async fn stream(self) -> Result<reqwest::Response> {
        self.builder.timeout(Duration::from_mins(30)).send().await.context("no answer")
    }
}

/// The routes of one connection, for one user. Paths are relative to the connection.
#[derive(Debug, Clone)]
pub struct Share {
    user: User,
    connection: String,
}

impl Share {
    /// The connection's id.
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// Who asks.
    pub fn user(&self) -> &User {
        &self.user
    }

    fn browse(&self, method: Method, route: &str) -> Ask {
        self.user.ask(method, &format!("/api/browse/{}/{route}", self.connection))
    }

    fn viewer(&self, route: &str, path: &str) -> Ask {
        self.user.get(&format!("/api/viewer/{}/{route}", self.connection)).query("path", path)
    }

    /// `GET …/list`
    pub fn list(&self, path: &str) -> Ask {
        self.browse(Method::GET, "list").query("path", path)
    }

    /// `GET …/directories`
    pub fn directories(&self, query: &str) -> Ask {
        self.browse(Method::GET, "directories").query("q", query)
    }

    /// `GET …/info`
    pub fn info(&self, path: &str) -> Ask {
        self.browse(Method::GET, "info").query("path", path)
    }

    /// `POST …/create`
    pub fn create(&self, parent: &str, name: &str, kind: &str) -> Ask {
        self.browse(Method::POST, "create").json(json!({"parent_path": parent, "name": name, "type": kind}))
    }

    /// `POST …/rename`
    pub fn rename(&self, path: &str, new_name: &str) -> Ask {
        self.browse(Method::POST, "rename").json(json!({"path": path, "new_name": new_name}))
    }

    /// `DELETE …/item`
    pub fn delete(&self, path: &str) -> Ask {
        self.browse(Method::DELETE, "item").query("path", path)
    }

    /// `POST …/copy` within the connection
    pub fn copy(&self, source: &str, dest: &str, overwrite: bool) -> Ask {
        self.transfer("copy", source, None, dest, overwrite)
    }

    /// `POST …/move` within the connection
    pub fn r#move(&self, source: &str, dest: &str, overwrite: bool) -> Ask {
        self.transfer("move", source, None, dest, overwrite)
    }

    /// `POST …/copy` or `…/move` to another connection
    pub fn transfer(&self, how: &str, source: &str, to: Option<&str>, dest: &str, overwrite: bool) -> Ask {
        let mut body = json!({"source_path": source, "dest_path": dest, "overwrite": overwrite});
        if let Some(to) = to {
            body["dest_connection_id"] = to.into();
        }
        self.browse(Method::POST, how).json(body)
    }

    /// `POST …/upload` as a browser does
    pub fn upload(&self, path: &str, content: impl Into<Body>) -> Ask {
        let part = Part::stream(content).file_name("ignored.bin");
        self.browse(Method::POST, "upload").query("path", path).form(Form::new().part("file", part))
    }

    /// `PUT …/content`
    pub fn put(&self, path: &str, content: impl Into<Body>) -> Ask {
        self.browse(Method::PUT, "content").query("path", path).body(content)
    }

    /// `GET …/download`
    pub fn download(&self, path: &str) -> Ask {
        self.viewer("download", path)
    }

    /// `GET …/file`
    pub fn view(&self, path: &str) -> Ask {
        self.viewer("file", path)
    }

    /// `HEAD …/file` or `…/download`
    pub fn head(&self, route: &str, path: &str) -> Ask {
        self.user.ask(Method::HEAD, &format!("/api/viewer/{}/{route}", self.connection)).query("path", path)
    }
}
