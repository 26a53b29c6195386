//! Values of the routes file that are filled in from an alert.
//!
//! A string may hold placeholders: `${alert_name}`, `${severity}`, `${instance}`, `${fingerprint}`, `${status}`,
//! `${starts_at}`, `${generator_url}`, `${request_id}`, `${alert_id}`, `${labels.NAME}`, `${annotations.NAME}`,
//! `${labels}` and `${annotations}`. `$${` is a plain `${`. A string that is nothing but
//! `${labels}` or `${annotations}` becomes the map; within other text the map is written as JSON.
//! A placeholder that comes out empty or blank is refused, unless it is written with a question mark: `${labels.NAME?}`.
//! Strings in lists and maps are filled too; every other value is sent as it stands.

mod field;
mod placeholder;

pub use field::{AlertView, Field};
pub use placeholder::Placeholder;

use serde_json::Value;

/// A value of the routes file, read.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// The operator's own, without any placeholder: it is sent as it stands, Jinja included.
    Literal(Value),
    /// One placeholder and nothing else.
    Field(Placeholder),
    /// Text around placeholders.
    Text(Vec<Piece>),
    /// A list with a placeholder somewhere in it.
    List(Vec<Template>),
    /// A map with a placeholder somewhere in its values.
    Map(Vec<(String, Template)>),
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The operator's.
    Literal(String),
    /// The alert's.
    Field(Placeholder),
}

/// A text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A name that is none of ours.
    #[error(
        "${{{0}}} is unknown; write alert_name, severity, instance, fingerprint, status, starts_at, generator_url, \
         request_id, alert_id, labels, annotations, labels.NAME or annotations.NAME, with a ? at its end if it may be empty; \
         or $${{ for a plain ${{"
    )]
    Unknown(String),
    /// `${` without its `}`.
    #[error("${{ without a closing brace; write ${{labels.NAME}}, or $${{ for a plain ${{")]
    Unclosed,
}

impl Template {
    /// Reads a value of the routes file.
    pub fn parse(value: Value) -> Result<Self, TemplateError> {
        match value {
            Value::String(text) => Self::parse_text(&text),
            Value::Array(list) => {
                let list = list.into_iter().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
                Ok(Self::List(list).folded())
            }
            Value::Object(map) => {
                let map = map.into_iter().map(|(name, value)| Ok((name, Self::parse(value)?)));
                Ok(Self::Map(map.collect::<Result<Vec<_>, _>>()?).folded())
            }
            scalar => Ok(Self::Literal(scalar)),
        }
    }

    fn parse_text(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = after;
                continue;
            }
            literal.push_str(before);
            let (name, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
            let field = Placeholder::parse(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Field(field));
            rest = after;
        }
        literal.push_str(rest);
        if pieces.is_empty() {
            return Ok(Self::Literal(Value::String(literal)));
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self::Text(pieces).folded())
    }

    /// The simplest template of the same meaning.
    fn folded(self) -> Self {
        match self {
            Self::Text(pieces) => match pieces.as_slice() {
                [Piece::Field(field)] => Self::Field(field.clone()),
                _ => Self::Text(pieces),
            },
            Self::List(list) if list.iter().all(Self::is_literal) => {
                Self::Literal(list.into_iter().filter_map(Self::into_literal).collect())
            }
            Self::Map(map) if map.iter().all(|(_, value)| value.is_literal()) => {
                let members = map.into_iter().filter_map(|(name, value)| Some((name, value.into_literal()?)));
                Self::Literal(Value::Object(members.collect()))
            }
            other => other,
        }
    }

    /// True when nothing of an alert gets into it.
    pub const fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    fn into_literal(self) -> Option<Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Every placeholder in it.
    pub fn placeholders(&self) -> Vec<&Placeholder> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Field(placeholder) => vec![placeholder],
            Self::Text(pieces) => pieces.iter().filter_map(Piece::placeholder).collect(),
            Self::List(list) => list.iter().flat_map(Self::placeholders).collect(),
            Self::Map(map) => map.iter().flat_map(|(_, value)| value.placeholders()).collect(),
        }
    }

    /// Fills it in from an alert.
    pub fn render(&self, alert: &AlertView<'_>) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Field(placeholder) => placeholder.field.of(alert),
            Self::Text(pieces) => Value::String(pieces.iter().map(|piece| piece.render(alert)).collect()),
            Self::List(list) => list.iter().map(|template| template.render(alert)).collect(),
            Self::Map(map) => {
                Value::Object(map.iter().map(|(name, value)| (name.clone(), value.render(alert))).collect())
            }
        }
    }
}

impl Piece {
    const fn placeholder(&self) -> Option<&Placeholder> {
        match self {
            Self::Literal(_) => None,
            Self::Field(placeholder) => Some(placeholder),
        }
    }

    fn render(&self, alert: &AlertView<'_>) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Field(placeholder) => match placeholder.field.of(alert) {
                Value::String(text) => text,
                map => map.to_string(),
            },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
