//! The values of an application's variables.

use std::collections::{BTreeMap, HashMap};

use crate::manifest::{Component, Manifest};

/// Puts overrides and defaults together; the error lists every variable without a value and every unknown override.
pub(crate) fn application_values(
    manifest: &Manifest,
    overrides: &HashMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<String>> {
    let mut faults: Vec<String> = overrides
        .keys()
        .filter(|name| !manifest.variables.contains_key(*name))
        .map(|name| format!("the manifest declares no variable `{name}`"))
        .collect();
    let mut values = BTreeMap::new();
    for (name, variable) in &manifest.variables {
        match overrides.get(name).or(variable.default.as_ref()) {
            Some(value) => {
                values.insert(name.clone(), value.clone());
            }
            None => faults.push(format!("the variable `{name}` is required and has no value")),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        faults.sort();
        Err(faults)
    }
}

/// The variables that a component sees.
pub(crate) fn component_values(
    component: &Component,
    application: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    component
        .variables
        .iter()
        .map(|(name, template)| match template.resolve(application) {
            Ok(value) => Ok((name.clone(), value)),
            Err(missing) => Err(format!("variable `{name}` needs `{missing}`, which has no value")),
        })
        .collect()
}
