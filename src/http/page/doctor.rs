//! `/doctor`: everything an alert needs, and what to do. The checks are those of `poundcake doctor`, with this process's settings.

use super::{
    super::{problem::Problem, query::Query},
    frame::Frame,
    respond,
    shown::{Checked, Shown},
    words::{Moment, State, count},
};
use crate::clock;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

#[derive(Template)]
#[template(path = "doctor.html")]
struct Page {
    frame: Frame,
    totals: Vec<State>,
    /// What a person should read first.
    to_do: Vec<Line>,
    in_order: Vec<Line>,
    looked: Moment,
    took: String,
}

struct Line {
    state: State,
    checked: Checked,
}

/// Looks now.
pub(in crate::http) async fn show(request: HttpRequest, shown: web::Data<Shown>) -> HttpResponse {
    respond(&request, view(&request, &shown).await)
}

async fn view(request: &HttpRequest, shown: &Shown) -> Result<Page, Problem> {
    Query::parse(request, &[])?;
    let begun = std::time::Instant::now();
    let all =
        shown.look().await.ok_or(Problem::Unavailable("this process cannot run the checks; use: poundcake doctor"))?;
    let totals = totals(&all);
    let line = |checked: Checked| Line { state: state(&checked), checked };
    let (mut to_do, in_order): (Vec<_>, Vec<_>) = all.into_iter().partition(|checked| checked.level != "ok");
    to_do.sort_by_key(|checked| ["wrong", "unknown", "note"].iter().position(|level| *level == checked.level));
    Ok(Page {
        frame: Frame::of(request, "doctor", "Doctor").still(),
        totals,
        to_do: to_do.into_iter().map(line).collect(),
        in_order: in_order.into_iter().map(line).collect(),
        looked: Moment::clock(clock::utc_now()),
        took: super::words::duration(begun.elapsed().as_secs_f64()),
    })
}

fn totals(all: &[Checked]) -> Vec<State> {
    let of = |level: &str| all.iter().filter(|checked| checked.level == level).count();
    let shown = [
        ("bad", "wrong", "wrong"),
        ("hold", "unknown", "not checked"),
        ("hold warn", "note", "note"),
        ("ok", "ok", "ok"),
    ];
    let total = |(class, level, word): (&'static str, &str, &str)| {
        let n = i64::try_from(of(level)).unwrap_or(i64::MAX);
        let text = if word == "note" { count(n, word) } else { format!("{n} {word}") };
        (n > 0).then(|| State::new(class, text))
    };
    shown.into_iter().filter_map(total).collect()
}

fn state(checked: &Checked) -> State {
    match checked.level {
        "wrong" => State::new("bad", "WRONG"),
        "unknown" => State::new("hold", "not checked"),
        "note" => State::new("hold warn", "note"),
        _ => State::new("ok", "ok"),
    }
}
