//! Action chains: nodes, one after the other.

use serde_json::Value;

/// Refuses a chain that the stand-in would not run as StackStorm does.
pub(crate) fn check(definition: &Value) -> Result<(), String> {
    super::only(definition, "the chain", &["chain", "default"])?;
    let nodes = definition["chain"].as_array().ok_or("`chain` is not a list")?;
    let names: Vec<_> = nodes.iter().filter_map(|node| node["name"].as_str()).collect();
    let known = |what: &str, name: &Value| match name.as_str() {
        Some(name) if !names.contains(&name) => Err(format!("{what}: there is no node {name:?}")),
        _ => Ok(()),
    };
    if definition["default"].as_str().is_none() {
        return Err("`default` does not name the first node".to_owned());
    }
    known("default", &definition["default"])?;
    for node in nodes {
        let name = node["name"].as_str().ok_or("a node has no name")?;
        super::only(node, name, &["name", "ref", "parameters", "publish", "on-success", "on-failure"])?;
        if node["ref"].as_str().is_none() {
            return Err(format!("{name}: there is no `ref`"));
        }
        known(name, &node["on-success"])?;
        known(name, &node["on-failure"])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unsupported_fields_are_refused() {
        let mut chain = json!({ "default": "a", "chain": [{ "name": "a", "ref": "core.noop" }] });
        check(&chain).unwrap();
        chain["chain"][0]["on-success"] = json!("b");
        assert_eq!(check(&chain).unwrap_err(), "a: there is no node \"b\"");
        chain["chain"][0] = json!({ "name": "a", "ref": "core.noop", "notify": {} });
        assert!(check(&chain).unwrap_err().starts_with("a: the stand-in does not interpret `notify`"));
        chain["vars"] = json!({});
        assert!(check(&chain).unwrap_err().starts_with("the chain: the stand-in does not interpret `vars`"));
    }
}
