//! An order as the page's form says it: the buttons of a list send it with GET, the page that asks sends it with POST.

use super::{
    super::{
        super::{
            alerts::{PARAMETERS, filter},
            orders::{source, who},
            problem::Problem,
            query::{self, BOX, Query},
        },
        form,
        login::here,
    },
    Verb,
};
use crate::{
    operator::{Filter, Order},
    store::operate::{author::Author, filter::Move},
};
use actix_web::HttpRequest;

/// Fields besides the filter's.
const OWN: &[&str] =
    &["order", "which", BOX, "range", "back", "why", "at_most", "oldest", "include_dispatched", "accept_unknown"];
/// Fields that the page that asks writes itself.
const ASKED: &[&str] = &["why", "at_most", "oldest", "include_dispatched", "accept_unknown"];

/// An order that is not given yet.
pub(super) struct Draft {
    pub(super) verb: Verb,
    pub(super) filter: Filter,
    query: Query,
}

impl Draft {
    /// Reads a form.
    pub(super) fn read(text: &[u8]) -> Result<Self, Problem> {
        let query = Query::form(text, &[PARAMETERS, OWN])?;
        let verb = query.parsed("order")?.ok_or_else(|| query::bad("order", "say what is to be done"))?;
        Ok(Self { verb, filter: chosen(&query)?, query })
    }

    /// The order itself.
    pub(super) fn order(&self, request: &HttpRequest) -> Result<Order, Problem> {
        Ok(Order {
            filter: self.filter.clone(),
            author: Author { by: who(request), reason: self.reason() },
            dry_run: false,
            what: self.what(),
            at_most: self.at_most()?,
            oldest: self.oldest()?,
            source: source(request, "POST"),
        })
    }

    /// The same, which counts and changes nothing.
    pub(super) fn dry_run(&self, request: &HttpRequest) -> Result<Order, Problem> {
        let author = Author { by: who(request), reason: "to be counted".to_owned() };
        Ok(Order { author, dry_run: true, at_most: None, ..self.order(request)? })
    }

    pub(super) fn what(&self) -> Move {
        self.verb.as_move(self.is_ticked("include_dispatched"), self.is_ticked("accept_unknown"))
    }

    pub(super) fn reason(&self) -> String {
        self.query.text("why").unwrap_or_default()
    }

    pub(super) fn at_most(&self) -> Result<Option<usize>, Problem> {
        self.query.parsed("at_most")
    }

    /// Only those that have waited longest; of a release.
    pub(super) fn oldest(&self) -> Result<Option<usize>, Problem> {
        let oldest = self.query.parsed::<std::num::NonZeroUsize>("oldest")?.filter(|_| self.verb == Verb::Release);
        Ok(oldest.map(std::num::NonZeroUsize::get))
    }

    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.query.get(name).is_some()
    }

    /// Where the person came from.
    pub(super) fn back(&self) -> &str {
        here(self.query.get("back").unwrap_or("/alerts"))
    }

    /// What the page that asks sends on as it came. A range is a time by now: it must not move on while a person reads.
    pub(super) fn kept(&self) -> Vec<(String, String)> {
        let pairs = self.query.pairs().iter().filter(|(name, _)| !ASKED.contains(&name.as_str()) && name != "range");
        // Rows that were ticked are chosen by their ids alone.
        let pairs = pairs.filter(|(name, _)| self.filter.ids.is_none() || !PARAMETERS.contains(&name.as_str()));
        let mut kept: Vec<(String, String)> = pairs.cloned().collect();
        if let Some(from) = self.filter.from.filter(|_| self.query.get("from").is_none()) {
            kept.push(("from".to_owned(), from.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)));
        }
        kept
    }

    /// The filter's fields as they were given, for people.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let kept = self.kept();
        kept.into_iter().filter(|(name, _)| PARAMETERS.contains(&name.as_str()) && self.filter.ids.is_none()).collect()
    }
}

/// The rows that are ticked, or all that the filter chooses.
fn chosen(query: &Query) -> Result<Filter, Problem> {
    let ids: Vec<_> = query.pairs().iter().filter(|(name, _)| name == BOX).collect();
    match query.get("which") {
        Some("filter") => {
            let mut filter = filter(query)?;
            filter.from = filter.from.or(query.get("range").map_or(Ok(None), form::since)?);
            Ok(filter)
        }
        None | Some("ids") if ids.is_empty() => {
            Err(Problem::BadOrder("no alert is selected: tick at least one, or choose all that match".to_owned()))
        }
        None | Some("ids") => {
            let ids: Result<_, _> = ids.iter().map(|(name, text)| query::alert_id(name, text)).collect();
            Ok(Filter { ids: Some(ids?), ..Filter::default() })
        }
        Some(_) => Err(query::bad("which", "write ids or filter")),
    }
}
