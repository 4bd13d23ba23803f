//! The functions: which components run, and how the host is set up for them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Context as _;
use causeway_host::{App, ComponentLimits, Host, HostConfig, Limits, Mount, SidecarRoute};

use crate::config::Config;

include!(concat!(env!("OUT_DIR"), "/components.rs"));

/// Where components see the web root.
const WEB_MOUNT: &str = "/web";

/// How long an answer of the sidecar may take to begin, when a function asks for patience: copies of whole trees are
/// answered when they are done (`files`), and a save when its last byte is on the share (`locks`). For all else they ask
/// for much less, and no other function may wait so long. The sidecar has deadlines of its own for every step.
const LONGEST_OPERATION: Duration = Duration::from_hours(6);

/// Secrets and addresses that the functions share with the sidecar.
pub(crate) struct Wiring<'a> {
    pub(crate) service_token: &'a str,
    pub(crate) token_secret: &'a str,
    /// `None`: in this process.
    pub(crate) sidecar_url: Option<&'a str>,
}

/// Loads the components and starts the host.
pub(crate) async fn start(config: &Config, wiring: Wiring<'_>, route: SidecarRoute) -> anyhow::Result<Host> {
    let app = match &config.app {
        Some(dir) => App::from_dir(dir).with_context(|| dir.display().to_string())?,
        None => App::embedded(MANIFEST, COMPONENTS).context("the components inside this program")?,
    };
    let mut variables = HashMap::from([
        ("service_token".to_owned(), wiring.service_token.to_owned()),
        ("token_secret".to_owned(), wiring.token_secret.to_owned()),
        ("access_token_minutes".to_owned(), config.access_token_minutes.to_string()),
    ]);
    if let Some(url) = wiring.sidecar_url {
        variables.insert("sidecar_url".to_owned(), url.to_owned());
    }
    if let Some(release) = &config.companion.release {
        variables.insert("companion_release".to_owned(), release.clone());
    }
    if let Some(feed) = &config.companion.feed {
        variables.insert("companion_feed_origin".to_owned(), feed.origin.clone());
        variables.insert("companion_feed_path".to_owned(), feed.path.clone());
    }
    let mounts = config.web_root.iter().map(|root| Mount {
        component: Some("system".to_owned()),
        destination: WEB_MOUNT.to_owned(),
        source: root.clone(),
    });
    // Together less than the host's bound, so that none of them, slow clients in front of it, shuts out the others.
    let at_once =
        |requests| ComponentLimits { concurrent_requests: Some(requests), ..ComponentLimits::default() };
    let patient = |requests| ComponentLimits {
        deadline: LONGEST_OPERATION,
        longest_call: LONGEST_OPERATION,
        ..at_once(requests)
    };
    let host_config = HostConfig {
        cache_dir: Some(config.cache_dir.clone()),
        key_value_path: Some(config.data_dir.join("key-value.db")),
        variables,
        mounts: mounts.collect(),
        limits: Limits { unbounded_peers: config.trusted_proxies.clone(), ..Limits::default() },
        component_limits: BTreeMap::from([
            ("auth".to_owned(), at_once(64)),
            ("files".to_owned(), patient(160)),
            // What is saved comes and goes through it, and must leave room for the signs of life of open files.
            ("locks".to_owned(), patient(96)),
            ("preview".to_owned(), at_once(144)),
        ]),
        log_sink: None,
    };
    Host::start(app, host_config, route).await.context("the functions")
}
