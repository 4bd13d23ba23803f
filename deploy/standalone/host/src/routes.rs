//! From a path to a component.

use std::borrow::Cow;

use crate::manifest::{HttpRoute, RoutePattern};

/// The routes of an application, as Spin matches them.
pub(crate) struct Routes {
    router: routefinder::Router<RouteTarget>,
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
    pub(crate) fn new(routes: &[HttpRoute], component: impl Fn(&str) -> Option<usize>) -> Result<Self, String> {
        let mut router = routefinder::Router::new();
        for route in routes {
            let Some(component) = component(&route.component) else { continue };
            let text = route.pattern.as_str();
            let target = RouteTarget {
                pattern: route.pattern.clone(),
                based: text.strip_suffix('/').unwrap_or(text).to_owned(),
                component,
            };
            let spec = route.pattern.spec().map_err(|error| format!("route `{}`: {error}", route.pattern))?;
            let Ok(()) = router.add(spec, target);
        }
        Ok(Self { router })
    }

    /// The best route for a path, undecoded.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<RouteMatch<'_, 'p>> {
        let found = self.router.match_iter(path).find(|candidate| candidate.handler().pattern.fits(path))?;
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
