//! The part of Jinja that alert text and rules run into: `{{ expressions }}`, `{% raw %}`, comments.
//!
//! A template that StackStorm cannot parse passes through as it is, one that it cannot render is an error. Blocks
//! other than `raw` are taken as unparsable: the stand-in does not loop or branch.

pub(super) mod expression;

use std::collections::BTreeSet;

use self::expression::{Expression, Scope};
use super::python;

/// A parsed template.
pub(super) struct Template(Vec<Part>);

enum Part {
    Text(String),
    Expression(Expression),
}

/// The text is no template; it is to be left alone.
pub(super) struct Unparsable;

impl Template {
    /// Whether StackStorm looks at this text as a template at all.
    pub(super) fn is_one(text: &str) -> bool {
        text.contains("{{") || text.contains("{%")
    }

    pub(super) fn parse(text: &str) -> Result<Self, Unparsable> {
        let mut parts = Vec::new();
        let mut rest = text.strip_suffix('\n').unwrap_or(text);
        while let Some(at) = opening(rest) {
            parts.push(Part::Text(rest[..at].to_owned()));
            let (part, after) = tag(&rest[at..])?;
            parts.extend(part);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The names the template needs.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for part in &self.0 {
            if let Part::Expression(expression) = part {
                expression.names(&mut names);
            }
        }
        names
    }

    pub(super) fn render(&self, scope: &dyn Scope) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expression(expression) => out.push_str(&python::text(&expression.value(scope)?)),
            }
        }
        Ok(out)
    }
}

/// Renders a template of a definition, where one that cannot be parsed is an error.
pub(super) fn render_strictly(text: &str, scope: &dyn Scope) -> Result<String, String> {
    let parsed = Template::parse(text);
    parsed.map_err(|Unparsable| "the template cannot be parsed".to_owned()).and_then(|template| template.render(scope))
}

fn opening(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"].iter().filter_map(|mark| text.find(mark)).min()
}

fn tag(text: &str) -> Result<(Option<Part>, &str), Unparsable> {
    let inner = &text[2..];
    if text.starts_with("{{") {
        let end = inner.find("}}").ok_or(Unparsable)?;
        let source = inner[..end].trim_start_matches('-').trim_end_matches('-');
        let expression = Expression::parse(source).ok_or(Unparsable)?;
        return Ok((Some(Part::Expression(expression)), &inner[end + 2..]));
    }
    if text.starts_with("{#") {
        let end = inner.find("#}").ok_or(Unparsable)?;
        return Ok((None, &inner[end + 2..]));
    }
    let end = inner.find("%}").ok_or(Unparsable)?;
    if inner[..end].trim_matches('-').trim() == "raw" { raw(&inner[end + 2..]) } else { Err(Unparsable) }
}

/// Everything up to the first `{% endraw %}`, wherever that comes from.
fn raw(text: &str) -> Result<(Option<Part>, &str), Unparsable> {
    let mut from = 0;
    while let Some(at) = text[from..].find("{%").map(|at| from + at) {
        let end = at + text[at..].find("%}").ok_or(Unparsable)?;
        if text[at + 2..end].trim_matches('-').trim() == "endraw" {
            return Ok((Some(Part::Text(text[..at].to_owned())), &text[end + 2..]));
        }
        from = at + 2;
    }
    Err(Unparsable)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{expression::Names, *};

    /// As a parameter's template is rendered: one that cannot be parsed passes through.
    fn render(text: &str, scope: &dyn Scope) -> Result<Value, String> {
        match Template::is_one(text).then(|| Template::parse(text)) {
            Some(Ok(template)) => template.render(scope).map(Value::String),
            _ => Ok(Value::String(text.to_owned())),
        }
    }

    fn rendered(text: &str) -> Result<String, String> {
        let scope = Names::new(json!({"instance": "web-1", "labels": {"job": "node"}, "n": 3}), "dict object");
        render(text, &scope).map(|value| python::text(&value))
    }

    #[test]
    fn arithmetic_and_names_are_evaluated() {
        assert_eq!(rendered("{{ 1+1 }}").unwrap(), "2");
        assert_eq!(rendered("a {{ 6*7 }} b").unwrap(), "a 42 b");
        assert_eq!(rendered("{{ labels.job }}/{{ labels['job'] | upper }}").unwrap(), "node/NODE");
        assert_eq!(rendered("{{ n * 2 + 1 }}{# gone #}").unwrap(), "7");
        assert_eq!(rendered("{{ st2kv.system.nokey }}").unwrap(), "");
    }

    #[test]
    fn unparsable_input_passes_through() {
        for text in ["{{ $labels.instance }}", "echo {{ bad", "{% bogus %}", "{ { x } }", "{{ }}"] {
            assert_eq!(rendered(text).unwrap(), text);
        }
    }

    #[test]
    fn raw_blocks_are_left_alone_up_to_the_first_endraw() {
        assert_eq!(rendered("{% raw %}{{ $labels.x }}{% endraw %}").unwrap(), "{{ $labels.x }}");
        assert_eq!(rendered("{% raw %}a{% endraw %}{{ 1+1 }}").unwrap(), "a2");
    }

    #[test]
    fn a_missing_attribute_is_an_error() {
        assert_eq!(rendered("{{ labels.nope }}").unwrap_err(), "'dict object' has no attribute 'nope'");
    }
}
