//! Lists: paging, and which attributes of an object are shown.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Call, Outcome, Refusal},
    python,
};

/// Where a page begins and how long it is.
pub(super) struct Page {
    offset: usize,
    /// None: everything.
    limit: Option<usize>,
    /// What `X-Limit` says; without a limit there is no such header.
    shown: Option<i64>,
}

impl Page {
    pub(super) fn read(call: &Call, default: Option<i64>) -> Result<Self, Refusal> {
        let number = |name: &str| {
            let wrong = || Refusal::bad(format!("Parameter \"{name}\" is not of type integer"));
            call.query(name).map(|text| text.parse::<i64>().ok().ok_or_else(wrong)).transpose()
        };
        let offset = number("offset")?.unwrap_or(0);
        let limit = number("limit")?.or(default);
        match limit {
            Some(0) => {
                return Err(Refusal::bad(
                    "Limit, \"0\" specified, must be a positive number or -1 for full result set.",
                ));
            }
            Some(limit) if limit < -1 => {
                return Err(Refusal::bad(format!("Limit, \"{limit}\" specified, must be a positive number.")));
            }
            _ => {}
        }
        Ok(Self {
            offset: usize::try_from(offset).unwrap_or(0),
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            shown: limit,
        })
    }

    /// The page of these items, with its two headers.
    pub(super) fn answer(&self, items: Vec<Value>) -> Answer {
        self.answer_with(items, |item| item)
    }

    /// The page, each of its items made from one of these.
    pub(super) fn answer_with<T>(&self, items: Vec<T>, show: impl Fn(T) -> Value) -> Answer {
        let total = items.len();
        let page: Vec<_> =
            items.into_iter().skip(self.offset).take(self.limit.unwrap_or(usize::MAX)).map(show).collect();
        let answer = Answer::json(200, &Value::Array(page)).with("X-Total-Count", total.to_string());
        match self.shown {
            // StackStorm asks for all with "limit -1", which it then takes as no limit.
            Some(limit) if limit > 0 => answer.with("X-Limit", limit.to_string()),
            _ => answer,
        }
    }
}

/// A list of plain objects, filtered by query parameters, each with the path that it compares.
pub(super) fn plain(call: &Call, items: &[Value], filters: &[(&str, &str)], default: Option<i64>) -> Outcome {
    let page = Page::read(call, default)?;
    let fits = |item: &&Value| {
        filters.iter().all(|(name, path)| {
            call.query(name).is_none_or(|wanted| at(item, path).is_some_and(|own| python::text(own) == wanted))
        })
    };
    Ok(page.answer(items.iter().filter(fits).map(|item| Attributes::lenient(call).of(item)).collect()))
}

/// A member by its dotted path.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// Which attributes of an execution can be left out.
const EXCLUDABLE: [&str; 3] = ["result", "trigger_instance", "status"];

/// What StackStorm's database reads of an execution whatever was asked for, by the object that it shows up in.
const ALWAYS_READ: [(&str, &[&str]); 2] =
    [("action", &["parameters", "output_schema", "pack", "uid"]), ("runner", &["runner_parameters", "output_key"])];

/// The attributes that are asked for.
pub(super) struct Attributes {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Attributes {
    /// As given, for things that are not executions.
    pub(super) fn lenient(call: &Call) -> Self {
        let list = |name: &str| call.query_list(name).unwrap_or_default().into_iter().map(str::to_owned).collect();
        Self { include: list("include_attributes"), exclude: list("exclude_attributes") }
    }

    /// As given, checked for executions.
    pub(super) fn read(call: &Call) -> Result<Self, Refusal> {
        let own = Self::lenient(call);
        if !own.include.is_empty() && !own.exclude.is_empty() {
            return Err(Refusal::bad(
                "exclude_fields and include_fields arguments are mutually exclusive. You need to provide either one or \
                 another, but not both.",
            ));
        }
        match own.exclude.iter().find(|name| !EXCLUDABLE.contains(&name.as_str())) {
            Some(name) => Err(Refusal::bad(format!("Invalid or unsupported exclude attribute specified: {name}"))),
            None => Ok(own),
        }
    }

    /// The object with these attributes only.
    pub(super) fn of(&self, value: &Value) -> Value {
        let mut out = if self.include.is_empty() { value.clone() } else { self.included(value) };
        if let Value::Object(map) = &mut out {
            for name in &self.exclude {
                map.remove(name);
            }
        }
        out
    }

    fn included(&self, value: &Value) -> Value {
        let mut out = Map::new();
        out.insert("id".to_owned(), value.get("id").cloned().unwrap_or_default());
        for path in &self.include {
            let name = path.split('.').next().unwrap_or(path);
            // `context` is read whole, whichever part of it was asked for.
            let whole = !path.contains('.') || name == "context";
            match value.get(name) {
                Some(member) if whole => drop(out.insert(name.to_owned(), member.clone())),
                Some(_) => self.include_part(value, path, name, &mut out),
                None => {}
            }
        }
        Value::Object(out)
    }

    fn include_part(&self, value: &Value, path: &str, name: &str, out: &mut Map<String, Value>) {
        if self.include.iter().any(|other| other == name) {
            return;
        }
        let always = ALWAYS_READ.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, members)| members);
        let paths = always.iter().map(|member| format!("{name}.{member}")).chain([path.to_owned()]);
        for path in paths {
            if let Some(found) = at(value, &path) {
                put(out, &path, found);
            }
        }
    }
}

fn put(out: &mut Map<String, Value>, path: &str, value: &Value) {
    match path.split_once('.') {
        None => drop(out.insert(path.to_owned(), value.clone())),
        Some((name, rest)) => {
            let entry = out.entry(name).or_insert_with(|| json!({}));
            if let Value::Object(inner) = entry {
                put(inner, rest, value);
            }
        }
    }
}
