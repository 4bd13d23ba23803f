//! A host with the probe component (`tests/guests/probe`), and a sidecar that is a router of the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use causeway_host::{App, ComponentLimits, Host, HostConfig, SidecarRoute};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Longer than anything in these tests may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An application whose two components are the probe: `probe` as a function is, `solo` with tight limits.
pub(crate) const MANIFEST: &str = r#"
spin_manifest_version = 2

[application]
name = "probe"

[variables]
sidecar_url = { default = "http://sidecar.internal" }
greeting = { default = "world" }

[[trigger.http]]
route = "/probe/..."
component = "probe"

[[trigger.http]]
route = "/solo/..."
component = "solo"

[[trigger.http]]
route = "/user/:user_id/..."
component = "probe"

[component.probe]
source = "probe.wasm"
allowed_outbound_hosts = ["{{ sidecar_url }}"]
key_value_stores = ["default", "cache"]

[component.probe.variables]
hello = "hello {{ greeting }}"

[component.solo]
source = "probe.wasm"
allowed_outbound_hosts = ["{{ sidecar_url }}"]
"#;

/// The probe's bytes, built when it changed.
pub(crate) fn probe() -> &'static [u8] {
    static PROBE: OnceLock<Vec<u8>> = OnceLock::new();
    PROBE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "causeway-probe", "--target", "wasm32-wasip2"])
            .args(["--profile", "component", "--target-dir", "target/components"])
            .current_dir(&root)
            .status()
            .expect("cargo runs");
        assert!(
            status.success(),
            "the probe component does not build; is the target wasm32-wasip2 installed?"
        );
        std::fs::read(root.join("target/components/wasm32-wasip2/component/causeway_probe.wasm"))
            .expect("cargo has built it")
    })
}

/// One cache for all tests, so that the probe is compiled once.
pub(crate) fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("host-cache")
}

/// The limits that these tests count on.
pub(crate) fn config() -> HostConfig {
    let solo = ComponentLimits {
        memory: 16 << 20,
        cpu: Duration::from_millis(300),
        deadline: Duration::from_secs(1),
        ..ComponentLimits::isolated()
    };
    HostConfig {
        cache_dir: Some(shared_cache()),
        component_limits: [("solo".to_owned(), solo)].into(),
        ..HostConfig::default()
    }
}

/// The application with the probe.
pub(crate) fn app() -> App {
    App::embedded(MANIFEST, &[("probe", probe()), ("solo", probe())]).expect("a proper application")
}

/// A host whose sidecar is this router.
pub(crate) async fn start(config: HostConfig, sidecar: Router) -> Host {
    // The first test compiles the probe for all; the others find it in the cache.
    static COMPILING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let app = tokio::task::spawn_blocking(app).await.expect("no panic");
    let _turn = COMPILING.lock().await;
    Host::start(app, config, SidecarRoute::InProcess(sidecar)).await.expect("the host starts")
}

/// A host with the usual limits.
pub(crate) async fn usual() -> Host {
    start(config(), Router::new()).await
}

pub(crate) fn request(path: &str) -> Request<Body> {
    Request::get(path).header("host", "nas.example").body(Body::empty()).expect("a proper request")
}

/// Asks in the process and reads the answer to its end.
pub(crate) async fn get(host: &Host, path: &str) -> (StatusCode, String) {
    read(host.handle(request(path)).await).await
}

pub(crate) async fn read(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    let body = tokio::time::timeout(PATIENCE, to_bytes(response.into_body(), 64 << 20))
        .await
        .expect("the body ends")
        .expect("the body is whole");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// A host on a socket.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn new(host: Host, extra: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let shutdown = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move { host.serve(listener, extra, shutdown).await });
        Self { address, stop, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks the server to end, without waiting.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Ends the server and waits for it.
    pub(crate) async fn stopped(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it ends")
            .expect("no panic")
            .expect("no error");
    }
}

/// Sends bytes as they are and reads until the server closes.
pub(crate) async fn raw(served: &Served, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    // The server may answer and close before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A flag that is set when its guard is dropped: shows that the host let go of something.
#[derive(Clone, Default)]
pub(crate) struct Flag(CancellationToken);

impl Flag {
    pub(crate) fn guard(&self) -> tokio_util::sync::DropGuard {
        self.0.clone().drop_guard()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(crate) async fn wait(&self, what: &str) {
        assert!(tokio::time::timeout(PATIENCE, self.0.cancelled()).await.is_ok(), "never happened: {what}");
    }
}
