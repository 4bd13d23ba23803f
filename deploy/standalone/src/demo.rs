//! A first look without a NAS: an SMB server in this process, over a folder of sample files.

mod samples;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use causeway_host::Host;
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use serde_json::{Value, json};
use smb_server::{Access, LocalFsBackend, Share, SmbServer};

use crate::beside::Beside;
use crate::config::Config;
use crate::serve::{announce, asked_to_stop, bind, hanging_up, start};

/// Share of the embedded server, and the user on it.
const SHARE: &str = "demo";

/// Name of the connection to it.
const CONNECTION: &str = "Demo files";

/// The administrator's password, when none was chosen: it protects sample files on a loopback address.
const PASSWORD: &str = "causeway-demo";

pub(crate) async fn run(mut config: Config) -> anyhow::Result<()> {
    if !config.listen.ip().is_loopback() {
        bail!(
            "the demo has a well-known password and answers on loopback addresses only; use `causeway serve`"
        );
    }
    let password = config.first_admin.password.get_or_insert_with(|| PASSWORD.to_owned()).clone();
    let listener = bind(&config).await?;
    let folder = config.data_dir.join("share");
    samples::fill(&folder).with_context(|| folder.display().to_string())?;
    let smb_password: String = rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect();
    let server = smb_server(&folder, &smb_password)?;
    let address = server.bind().await.context("the embedded SMB server cannot listen")?;
    let stop_server = server.shutdown_handle();
    let serving = tokio::spawn(server.serve());
    let (started, host) = start(&config).await?;
    let beside = Beside::open(&config, &started.sidecar).await?;
    let session = Session::sign_in(&host, &config.first_admin.username, &password).await?;
    session.connect(address, &smb_password).await?;
    let at = listener.local_addr()?;
    println!();
    println!("  Causeway is ready:  http://{at}/");
    println!("  user                {}", config.first_admin.username);
    println!("  password            {password}");
    println!("  SMB server          smb://{address}/{SHARE} (user {SHARE}), files in {}", folder.display());
    println!("  Ctrl-C stops it.");
    println!();
    let stop = hanging_up(asked_to_stop()?, &started.sidecar);
    announce(&listener)?;
    host.serve(listener, started.sidecar.public_router(), stop).await?;
    started.sidecar.stop().await;
    beside.close().await;
    stop_server.shutdown();
    serving.await.context("the embedded SMB server")??;
    Ok(())
}

fn smb_server(folder: &Path, password: &str) -> anyhow::Result<SmbServer> {
    let backend = LocalFsBackend::new(folder).context("the folder of sample files")?;
    SmbServer::builder()
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .require_signing(true)
        .user(SHARE, password)
        .share(Share::new(SHARE, backend).user(SHARE, Access::ReadWrite))
        .build()
        .context("the embedded SMB server")
}

/// A signed-in client of the product's own API, without a socket.
struct Session<'a> {
    host: &'a Host,
    token: String,
}

impl<'a> Session<'a> {
    async fn sign_in(host: &'a Host, username: &str, password: &str) -> anyhow::Result<Self> {
        let mut session = Self { host, token: String::new() };
        let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
        let form = format!("username={}&password={}", encode(username), encode(password));
        let answer =
            session.ask(Method::POST, "/api/auth/token", "application/x-www-form-urlencoded", form).await?;
        let token = answer["access_token"].as_str().context(
            "cannot sign in as the demo's administrator; the data directory is of another password: \
             give it by CAUSEWAY_ADMIN_PASSWORD, or name a fresh directory by --data-dir",
        )?;
        token.clone_into(&mut session.token);
        Ok(session)
    }

    /// Points the demo's connection at the server, whose port and password are new with every start.
    async fn connect(&self, address: SocketAddr, password: &str) -> anyhow::Result<()> {
        let known = self.ask(Method::GET, "/api/connections", "application/json", String::new()).await?;
        let known = known.as_array().into_iter().flatten().find(|known| known["name"] == CONNECTION);
        let wanted = json!({
            "name": CONNECTION, "type": "smb", "host": address.ip().to_string(), "port": address.port(),
            "share_name": SHARE, "username": SHARE, "password": password, "scope": "shared",
        });
        let (method, path) = match known.and_then(|known| known["id"].as_str()) {
            Some(id) => (Method::PUT, format!("/api/connections/{id}")),
            None => (Method::POST, "/api/connections".to_owned()),
        };
        let answer = self.ask(method, &path, "application/json", wanted.to_string()).await?;
        ensure!(answer["id"].is_string(), "the connection to the sample files cannot be made: {answer}");
        Ok(())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: String,
    ) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, content_type)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::from(body))?;
        let response = self.host.handle(request).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Ok(Value::Null);
        }
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!("{path}: {error}"))?
            .to_bytes();
        serde_json::from_slice(&body).with_context(|| format!("{path} answered {status}"))
    }
}
