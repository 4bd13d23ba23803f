//! The table of routes holds together, and requests find their way in it.

use std::collections::BTreeSet;

use causeway_api::routes::{auth, system};
use causeway_api::{Found, Method, find, routes};
use proptest::prelude::*;

#[test]
fn no_two_routes_are_the_same() {
    let mut places = BTreeSet::new();
    let mut names = BTreeSet::new();
    for route in routes::all() {
        assert!(places.insert((route.path, route.method)), "{} twice", route.path);
        assert!(names.insert(route.id), "{} twice", route.id);
        assert!(route.path.starts_with("/api/") && !route.path.ends_with('/'), "{}", route.path);
        assert!(!route.summary.is_empty(), "{} says nothing of itself", route.id);
        assert!(!route.answers.is_empty() || !route.refusals.is_empty(), "{} answers nothing", route.id);
        assert_ne!(route.method, Method::Head, "HEAD follows from GET");
    }
}

#[test]
fn a_request_finds_its_operation() {
    let Found::Operation { operation, parameters, .. } =
        find(auth::ENDPOINTS, Some(Method::Patch), "/api/admin/users/a%20b/")
    else {
        panic!("not found");
    };
    assert_eq!(operation, auth::Operation::ChangeUser);
    assert_eq!(parameters.get("user_id"), Some("a%20b"));
    assert_eq!(parameters.get("other"), None);

    let Found::WrongMethod { allowed } = find(auth::ENDPOINTS, Some(Method::Delete), "/api/auth/me/settings")
    else {
        panic!("the path has no DELETE");
    };
    assert_eq!(allowed, [Method::Get, Method::Put]);
    assert!(matches!(find(auth::ENDPOINTS, None, "/api/auth/me"), Found::WrongMethod { .. }));
    assert!(matches!(find(system::ENDPOINTS, Some(Method::Head), "/api/health"), Found::WrongMethod { .. }));

    for nothing in [
        "",
        "/",
        "/api/auth",
        "/api/auth/me/x",
        "/api/admin/users//reset-password",
        "/api/auth/me//",
        "api/auth/me",
    ] {
        assert!(matches!(find(auth::ENDPOINTS, Some(Method::Get), nothing), Found::Nothing), "{nothing}");
    }
}

#[test]
fn content_may_be_asked_about_with_head() {
    let content: Vec<_> = routes::all().filter(|route| route.serves_content()).collect();
    assert!(content.iter().all(|route| route.allows(Method::Head) && route.method == Method::Get));
    assert!(routes::all().filter(|route| !route.serves_content()).all(|route| !route.allows(Method::Head)));
}

proptest! {
    #[test]
    fn no_path_breaks_the_table(path in ".*", method in prop::option::of("[A-Z]{0,7}")) {
        let method = method.and_then(|name| Method::parse(&name));
        let _ = find(auth::ENDPOINTS, method, &path);
    }

    #[test]
    fn every_route_is_found_under_its_own_path(value in "[^/?#]{1,20}", slash: bool) {
        for route in auth::ENDPOINTS {
            let path = route.route.path.replace("{user_id}", &value) + if slash { "/" } else { "" };
            match find(auth::ENDPOINTS, Some(route.route.method), &path) {
                Found::Operation { operation, parameters, .. } => {
                    prop_assert_eq!(operation, route.operation);
                    if route.route.path.contains("{user_id}") {
                        prop_assert_eq!(parameters.get("user_id"), Some(value.as_str()));
                    }
                }
                other => prop_assert!(false, "{path}: {other:?}"),
            }
        }
    }
}
