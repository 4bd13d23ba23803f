//! What the program that embeds the host decides: directories, values, limits.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

/// How a host is set up. [`Default`] runs without a cache and keeps key-value data in memory.
#[derive(Clone, Default)]
pub struct HostConfig {
    /// Directory for precompiled components, made with mode 0700. Without it every start compiles.
    pub cache_dir: Option<PathBuf>,
    /// SQLite file of the key-value stores, made when the first store is opened. Without it they live in memory.
    pub key_value_path: Option<PathBuf>,
    /// Values for `[variables]` of the manifest, by name, before their defaults. Naming an undeclared one is an error.
    pub variables: HashMap<String, String>,
    /// Directories that components see, besides or instead of the `files` of the manifest.
    pub mounts: Vec<Mount>,
    /// Limits of the whole host.
    pub limits: Limits,
    /// Limits of components that do not have [`ComponentLimits::default`].
    pub component_limits: BTreeMap<String, ComponentLimits>,
    /// Receives every line that a component writes, besides `tracing`.
    pub log_sink: Option<LogSink>,
}

impl std::fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values of variables may be secrets: only their names are shown.
        f.debug_struct("HostConfig")
            .field("cache_dir", &self.cache_dir)
            .field("key_value_path", &self.key_value_path)
            .field("variables", &self.variables.keys())
            .field("mounts", &self.mounts)
            .field("limits", &self.limits)
            .field("component_limits", &self.component_limits)
            .finish_non_exhaustive()
    }
}

/// A directory of the host that a component sees, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The component that gets the directory whether or not its manifest asks for it; `None`: each component that
    /// has a `files` entry with this destination gets it, in the place of the entry's source.
    pub component: Option<String>,
    /// Absolute path in the component, for example `/web`.
    pub destination: String,
    /// Directory on the host.
    pub source: PathBuf,
}

/// Gets the lines of components.
#[derive(Clone)]
pub struct LogSink(pub(crate) Arc<dyn Fn(LogLine<'_>) + Send + Sync>);

/// One line that a component wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Id of the component.
    pub component: &'a str,
    /// Whether it was written to stderr.
    pub is_error: bool,
    /// The line without its end, at most [`MAX_LOG_LINE`](crate::MAX_LOG_LINE) bytes.
    pub text: &'a str,
}

impl LogSink {
    /// A sink that calls a function; it must not block.
    pub fn new(sink: impl Fn(LogLine<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSink")
    }
}

/// Bounds of the whole host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests that are worked on at once; one counts until its response body has ended.
    pub concurrent_requests: usize,
    /// Requests that may wait for their turn; more are refused at once with 503.
    pub queued_requests: usize,
    /// How long one waits for its turn before 503 with `Retry-After`.
    pub queue_wait: Duration,
    /// Open client connections, those that have become WebSockets among them.
    pub connections: usize,
    /// Those of one address (of one /64 network on IPv6); further ones are closed at once. Loopback addresses are
    /// not bound.
    pub connections_per_peer: usize,
    /// Networks that are not bound either: those of reverse proxies, through which many users come.
    pub unbounded_peers: Vec<IpNet>,
    /// Time for a connection to send a request's header section, from its first byte on; also how long an idle one
    /// is kept.
    pub header_read_timeout: Duration,
    /// Bytes of a request's line and header section.
    pub header_bytes: usize,
    /// Without progress of a body in either direction for this long the exchange is ended.
    pub body_idle_timeout: Duration,
    /// Time for the first bytes of a request's body, or for all of a small one. Meanwhile the request takes up
    /// nothing but its connection.
    pub body_start_timeout: Duration,
    /// Bytes a second that a client must send of a longer body, on the whole; waiting for us does not count.
    pub body_least_rate: u32,
    /// Time to set up an outbound connection.
    pub connect_timeout: Duration,
    /// Time from sending an outbound request to the head of its response, counted from the last byte of its body,
    /// unless the component asks for another.
    pub first_byte_timeout: Duration,
    /// How long [`Host::serve`](crate::Host::serve) lets running exchanges finish after shutdown was asked for.
    pub drain: Duration,
    /// Bytes read into or gathered for one socket operation; larger moves streams faster and costs memory a connection.
    pub socket_buffer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_requests: 512,
            queued_requests: 1024,
            queue_wait: Duration::from_secs(5),
            // 20,000 of people who look at something and are told of changes, and those that ask.
            connections: 24_576,
            // An office behind one address fits in; fifty such peers are needed to fill the host.
            connections_per_peer: 480,
            unbounded_peers: Vec::new(),
            header_read_timeout: Duration::from_mins(1),
            header_bytes: 64 << 10,
            body_idle_timeout: Duration::from_mins(1),
            body_start_timeout: Duration::from_secs(20),
            body_least_rate: 2 << 10,
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_mins(2),
            drain: Duration::from_secs(10),
            socket_buffer: 512 << 10,
        }
    }
}

/// Bounds of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentLimits {
    /// Requests that one instance answers in its life. Spin's default is 128; 1 isolates each from the next.
    pub requests_per_instance: usize,
    /// Requests that share an instance at the same time. Spin's default is 16; a trap ends all of them.
    pub concurrent_per_instance: usize,
    /// Requests of this component that are worked on at once; `None`: only the host's bound counts.
    pub concurrent_requests: Option<usize>,
    /// Linear memory of one instance in bytes.
    pub memory: usize,
    /// Time that guest code may run for a request without moving a byte of a body.
    pub cpu: Duration,
    /// Time to the head of the response; progress of the request's body starts it anew.
    pub deadline: Duration,
    /// The most that the component may ask for in the place of [`Limits::first_byte_timeout`].
    pub longest_call: Duration,
}

impl Default for ComponentLimits {
    fn default() -> Self {
        Self {
            requests_per_instance: 128,
            concurrent_per_instance: 16,
            concurrent_requests: None,
            memory: 128 << 20,
            cpu: Duration::from_secs(10),
            deadline: Duration::from_mins(2),
            longest_call: Duration::from_mins(2),
        }
    }
}

impl ComponentLimits {
    /// The defaults, but a fresh instance for each request: for work that may trap, such as image decoding.
    pub fn isolated() -> Self {
        Self { requests_per_instance: 1, concurrent_per_instance: 1, ..Self::default() }
    }
}
