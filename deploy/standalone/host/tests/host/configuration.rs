//! Manifests and configurations that cannot be, and what is said about them.

use causeway_host::{App, AppError, Host, HostConfig, Manifest, ManifestError, SidecarRoute, StartError};

use crate::harness::{MANIFEST, app, config, probe};

fn faults(manifest: &str) -> String {
    Manifest::parse(manifest).expect_err("it is wrong").to_string()
}

async fn refusal(app: App, config: HostConfig) -> String {
    match Host::start(app, config, SidecarRoute::Network).await {
        Ok(_) => panic!("it started"),
        Err(error @ StartError::Configuration(_)) => error.to_string(),
        Err(error) => panic!("another error: {error}"),
    }
}

#[test]
fn a_manifest_is_read() {
    let manifest = Manifest::parse(MANIFEST).expect("a proper manifest");
    assert_eq!(manifest.name, "probe");
    assert_eq!(manifest.routes.len(), 3);
    assert_eq!(manifest.components["probe"].key_value_stores, ["default", "cache"]);
    assert_eq!(manifest.components["probe"].variables["hello"].to_string(), "hello {{ greeting }}");
}

#[test]
fn unknown_keys_are_refused_as_spin_does() {
    for (line, key) in [("[component.probe]", "memory_limit = 5"), ("[application]", "colour = \"blue\"")] {
        let text = MANIFEST.replacen(line, &format!("{line}\n{key}"), 1);
        let error = Manifest::parse(&text).expect_err("an unknown key");
        assert!(matches!(error, ManifestError::Syntax(_)));
        assert!(error.to_string().contains(key.split(' ').next().expect("a word")), "{error}");
    }
}

#[test]
fn all_faults_of_a_manifest_are_told_at_once() {
    let told = faults(
        r#"
        spin_manifest_version = 1
        [application]
        name = "x"
        [variables]
        BadName = { default = "" }
        bare = {}
        [[trigger.http]]
        route = "no-slash"
        component = "a"
        [[trigger.http]]
        route = "/a/.../b"
        component = "gone"
        [[trigger.http]]
        route = "/twice"
        component = "a"
        [[trigger.http]]
        route = "/twice"
        component = "a"
        [component.a]
        source = "a.wasm"
        sqlite_databases = ["default"]
        allowed_outbound_hosts = ["{{ missing }}", "{{ open"]
        files = ["*.html"]
        "#,
    );
    for expected in [
        "spin_manifest_version",
        "BadName",
        "`bare`",
        "no-slash",
        "/a/.../b",
        "`gone`",
        "`/twice` is given twice",
        "sqlite_databases",
        "`missing`",
        "{{ open",
        "`files`",
    ] {
        assert!(told.contains(expected), "{expected} is not in: {told}");
    }
}

#[test]
fn an_application_is_read_from_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(matches!(App::from_dir(dir.path()), Err(AppError::Read { .. })));
    std::fs::write(dir.path().join("spin.toml"), MANIFEST).expect("written");
    let missing = App::from_dir(dir.path()).expect_err("no component");
    assert!(missing.to_string().contains("probe.wasm"), "{missing}");
    std::fs::write(dir.path().join("probe.wasm"), probe()).expect("written");
    App::from_dir(dir.path()).expect("complete");
    App::from_dir(dir.path().join("spin.toml")).expect("by the manifest's name");
}

#[test]
fn an_embedded_application_needs_every_component() {
    let error = App::embedded(MANIFEST, &[("probe", b"")]).expect_err("`solo` is missing");
    assert!(matches!(error, AppError::MissingComponent(id) if id == "solo"));
}

#[tokio::test]
async fn a_required_variable_without_a_value_stops_the_start() {
    let text = MANIFEST.replace(r#"greeting = { default = "world" }"#, "greeting = { required = true }");
    let app = || App::embedded(&text, &[("probe", probe()), ("solo", probe())]).expect("a proper manifest");
    let told = refusal(app(), config()).await;
    assert!(told.contains("`greeting`"), "{told}");
    let given = HostConfig { variables: [("greeting".to_owned(), "x".to_owned())].into(), ..config() };
    Host::start(app(), given, SidecarRoute::Network).await.expect("it starts");
}

#[tokio::test]
async fn values_that_do_not_fit_stop_the_start() {
    let unknown = HostConfig { variables: [("unknown".to_owned(), String::new())].into(), ..config() };
    assert!(refusal(app(), unknown).await.contains("`unknown`"));
    let limits = [("nobody".to_owned(), causeway_host::ComponentLimits::default())].into();
    assert!(refusal(app(), HostConfig { component_limits: limits, ..config() }).await.contains("`nobody`"));
    for host in ["sidecar.internal", "http://a/path", "http://*.spin.internal", "ftp://a", "http://a:b"] {
        let wrong =
            HostConfig { variables: [("sidecar_url".to_owned(), host.to_owned())].into(), ..config() };
        let told = refusal(app(), wrong).await;
        assert!(told.contains(host), "{host} is not in: {told}");
    }
}

#[tokio::test]
async fn a_component_that_is_none_is_named() {
    let app =
        App::embedded(MANIFEST, &[("probe", b"not wasm"), ("solo", b"not wasm")]).expect("a proper manifest");
    let error =
        Host::start(app, HostConfig::default(), SidecarRoute::Network).await.expect_err("no component");
    assert!(matches!(error, StartError::Component { ref component, .. } if component == "probe"), "{error}");
}

#[test]
fn the_configuration_does_not_show_secrets() {
    let config = HostConfig { variables: [("secret".to_owned(), "hunter2".to_owned())].into(), ..config() };
    let shown = format!("{config:?}");
    assert!(shown.contains("secret") && !shown.contains("hunter2"), "{shown}");
}
