//! Which operation a request asks for.

use crate::{Endpoint, Method, Route};

/// What [`find`] found.
#[derive(Debug, Clone)]
pub enum Found<O: 'static> {
    /// An operation.
    Operation {
        /// Which.
        operation: O,
        /// Its route.
        route: &'static Route,
        /// The segments that stand for the pattern's parameters.
        parameters: PathParameters,
    },
    /// The path exists, but not with that method.
    WrongMethod {
        /// The methods that the path has, for the header `Allow`.
        allowed: Vec<Method>,
    },
    /// No such path.
    Nothing,
}

/// The values of a pattern's parameters, still percent-encoded as the client sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathParameters(Vec<(&'static str, String)>);

impl PathParameters {
    /// The raw value of the parameter of that name; `None` when the pattern has no such parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Finds the operation for a method (`None`: one that no route knows) and the path of a request, without its query and
/// still percent-encoded.
///
/// One slash at the end of the path is of no consequence. A parameter is one segment and never empty.
pub fn find<O: Copy>(endpoints: &'static [Endpoint<O>], method: Option<Method>, path: &str) -> Found<O> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut allowed = Vec::new();
    for Endpoint { operation, route } in endpoints {
        let Some(parameters) = match_pattern(route.path, path) else { continue };
        if method.is_some_and(|method| route.allows(method)) {
            return Found::Operation { operation: *operation, route, parameters };
        }
        allowed.push(route.method);
        if route.allows(Method::Head) {
            allowed.push(Method::Head);
        }
    }
    if allowed.is_empty() { Found::Nothing } else { Found::WrongMethod { allowed } }
}

fn match_pattern(pattern: &'static str, path: &str) -> Option<PathParameters> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if segment.is_empty() => return None,
            Some(name) => parameters.push((name, segment.to_owned())),
            None if expected != segment => return None,
            None => {}
        }
    }
    segments.next().is_none().then_some(PathParameters(parameters))
}
