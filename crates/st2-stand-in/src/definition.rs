//! What the stand-in understands of workflow definitions. Anything else is refused when the pack is loaded: an ignored
//! line would make a workflow look tested that was not.

pub(super) mod chain;
pub(super) mod orquesta;

use serde_json::Value;

/// Refuses members of a map that are not known.
fn only(of: &Value, what: &str, known: &[&str]) -> Result<(), String> {
    let Some(map) = of.as_object() else { return Err(format!("{what} is not a map")) };
    match map.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(format!("{what}: the stand-in does not interpret `{name}`; it knows {}", known.join(", "))),
    }
}
