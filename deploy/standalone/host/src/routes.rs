//! From a path to a component.

use std::borrow::Cow;

use crate::manifest::{HttpRoute, RoutePattern};

/// The routes of an application, as Spin matches them.
pub(crate) struct Routes {
    table: routefinder::Router<RouteTarget>,
}

pub(crate) struct RouteTarget {
    pub(crate) pattern: RoutePattern,
    /// What Spin tells as the matched route: the pattern without a slash at its end.
    pub(crate) based: String,
    /// Index of the component.
    pub(crate) component: usize,
}

/// One match.
pub(crate) struct RouteMatch<'r, 'p> {
    pub(crate) target: &'r RouteTarget,
    /// Named parameters of the path.
    pub(crate) parameters: Vec<(String, String)>,
    /// What the trailing wildcard stands for, with its slash; empty without one.
    pub(crate) path_info: Cow<'p, str>,
}

impl Routes {
    /// Builds the table; the error is a phrase about the route that cannot be.
    pub(crate) fn new(
        routes: &[HttpRoute],
        component: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, String> {
        let mut table = routefinder::Router::new();
        for route in routes {
            let Some(component) = component(&route.component) else { continue };
            let text = route.pattern.as_str();
            let target = RouteTarget {
                pattern: route.pattern.clone(),
                based: text.strip_suffix('/').unwrap_or(text).to_owned(),
                component,
            };
            let spec = route.pattern.spec().map_err(|error| format!("route `{}`: {error}", route.pattern))?;
            let Ok(()) = table.add(spec, target);
        }
        Ok(Self { table })
    }

    /// The best route for a path, undecoded.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<RouteMatch<'_, 'p>> {
        let found = self.table.match_iter(path).find(|candidate| candidate.handler().pattern.fits(path))?;
        let captures = found.captures();
        let path_info = match captures.wildcard() {
            // The captured part has no slashes at its ends; Spin tells them.
            Some(rest) => match (rest.is_empty(), path.ends_with('/')) {
                (true, false) => Cow::Borrowed(""),
                (true, true) => Cow::Borrowed("/"),
                (false, false) => Cow::Owned(format!("/{rest}")),
                (false, true) => Cow::Owned(format!("/{rest}/")),
            },
            None => Cow::Borrowed(""),
        };
        let parameters = captures.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(RouteMatch { target: found.handler(), parameters, path_info })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(patterns: &[&str]) -> Routes {
        let routes: Vec<HttpRoute> = patterns
            .iter()
            .map(|pattern| HttpRoute {
                pattern: RoutePattern::parse(pattern).expect("a proper pattern"),
                component: (*pattern).to_owned(),
            })
            .collect();
        Routes::new(&routes, |id| patterns.iter().position(|pattern| *pattern == id)).expect("proper routes")
    }

    fn matched<'t>(table: &'t Routes, path: &str) -> Option<&'t str> {
        table.find(path).map(|found| found.target.pattern.as_str())
    }

    #[test]
    fn routes_match_as_on_spin() {
        let table = table(&["/", "/hello", "/d/...", "/d/exact", "/user/:id/...", "/api/:kind/list"]);
        for (path, expected) in [
            ("/", Some("/")),
            ("/hello", Some("/hello")),
            ("/hello/", Some("/hello")),
            ("/hello/you", None),
            ("/helloyou", None),
            ("/d", Some("/d/...")),
            ("/d/", Some("/d/...")),
            ("/d/a/b", Some("/d/...")),
            ("/d/exact", Some("/d/exact")),
            ("/dx", None),
            ("/user", None),
            ("/user/7", Some("/user/:id/...")),
            ("/user/7/files", Some("/user/:id/...")),
            ("/userx/7", None),
            ("/api/a/list", Some("/api/:kind/list")),
            ("/api/list", None),
            ("/apia/list", None),
        ] {
            assert_eq!(matched(&table, path), expected, "{path}");
        }
    }

    #[test]
    fn the_wildcard_keeps_its_slashes() {
        let table = table(&["/d/..."]);
        for (path, info) in [("/d", ""), ("/d/", "/"), ("/d/a", "/a"), ("/d/a/", "/a/"), ("/d/a/b", "/a/b")] {
            assert_eq!(table.find(path).expect("a match").path_info, info, "{path}");
        }
    }

    /// What a pattern means, told in the simplest way.
    fn means(pattern: &str, path: &str) -> bool {
        let (fixed, wildcard) =
            pattern.strip_suffix("/...").map_or((pattern, false), |prefix| (prefix, true));
        let wanted: Vec<&str> = fixed.split('/').filter(|part| !part.is_empty()).collect();
        let given: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        (given.len() == wanted.len() || wildcard && given.len() > wanted.len())
            && wanted.iter().zip(&given).all(|(want, have)| want.starts_with(':') || want == have)
    }

    fn pattern() -> impl Strategy<Value = String> {
        let segment = prop_oneof!["[ab]{1,2}", "[ab]\\.[ab]", ":[xyz]"];
        (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, wildcard)| {
            let mut seen = std::collections::HashSet::new();
            let mut text = String::new();
            for part in segments.iter().filter(|part| seen.insert((*part).clone())) {
                text.push('/');
                text.push_str(part);
            }
            if wildcard {
                text.push_str("/...");
            }
            if text.is_empty() { "/".to_owned() } else { text }
        })
    }

    proptest! {
        #[test]
        fn every_match_means_its_pattern(
            patterns in prop::collection::hash_set(pattern(), 1..6),
            path in "(/[ab.]{1,3}){0,5}/?",
        ) {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let table = table(&patterns);
            let path = if path.is_empty() { "/".to_owned() } else { path };
            match matched(&table, &path) {
                Some(found) => {
                    prop_assert!(means(found, &path), "{found} does not mean {path}");
                    // An exact route beats every other.
                    if let Some(exact) = patterns.iter().find(|pattern| {
                        !pattern.contains(':') && !pattern.ends_with("/...") && means(pattern, &path)
                    }) {
                        prop_assert!(means(exact, found), "{found} was preferred to {exact}");
                    }
                }
                None => prop_assert!(!patterns.iter().any(|pattern| means(pattern, &path)), "{path} has a route"),
            }
        }
    }
}
