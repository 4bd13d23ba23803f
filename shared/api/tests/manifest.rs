//! The manifest sends every public route to the function that has it.

use std::collections::BTreeSet;

use causeway_api::routes;
use routefinder::Router;

fn manifest() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The manifest's routes, as Spin reads them: `/a/...` takes `/a` and all below it.
fn router(manifest: &toml::Table) -> Router<String> {
    let mut router = Router::new();
    for trigger in manifest["trigger"]["http"].as_array().unwrap() {
        let (route, component) = (trigger["route"].as_str().unwrap(), trigger["component"].as_str().unwrap());
        let pattern = route.strip_suffix("...").map_or_else(|| route.to_owned(), |base| format!("{base}*"));
        router.add(pattern.as_str(), component.to_owned()).unwrap();
    }
    router
}

#[test]
fn every_route_reaches_its_function() {
    let manifest = manifest();
    let router = router(&manifest);
    for route in routes::all() {
        let path = route.path.replace(['{', '}'], "");
        let reached = router.best_match(&path).unwrap_or_else(|| panic!("{path} reaches nothing"));
        assert_eq!(reached.handler(), route.component.id(), "{path}");
    }
    for path in ["/", "/browse/smb/nas", "/api/nothing", "/explorer/explorer.js"] {
        assert_eq!(router.best_match(path).unwrap().handler(), "system", "{path}");
    }
}

#[test]
fn every_function_is_declared_with_what_it_needs() {
    let manifest = manifest();
    let components = manifest["component"].as_table().unwrap();
    let named: BTreeSet<_> = routes::all().map(|route| route.component.id()).collect();
    assert_eq!(named, components.keys().map(String::as_str).collect());
    for (id, component) in components {
        let source = component["source"].as_str().unwrap();
        assert_eq!(source, format!("target/components/wasm32-wasip2/component/causeway_fn_{id}.wasm"));
        for variable in ["sidecar_url", "service_token", "token_secret"] {
            assert_eq!(
                component["variables"][variable].as_str().unwrap(),
                format!("{{{{ {variable} }}}}"),
                "{id}"
            );
        }
        let outbound = component["allowed_outbound_hosts"].as_array().unwrap();
        let outbound: Vec<_> = outbound.iter().filter_map(toml::Value::as_str).collect();
        // One function asks somebody else, too: where the companion is to be had.
        let feed: &[&str] = if id == "locks" { &["{{ companion_feed_origin }}"] } else { &[] };
        assert_eq!(outbound, [&["{{ sidecar_url }}"], feed].concat(), "{id}");
    }
}
