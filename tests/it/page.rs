//! The operator page over HTTP: what it shows, that alert text stays text, who may see it, and that it can be left out.

mod browser;
mod content;
mod orders;
mod overview;
pub mod person;
mod scene;
mod signing_in;
mod standing;

use crate::{harness::client, http_api::app::App};

/// A page's status and text, as a browser without a session gets it.
async fn get(app: &App, path: &str) -> (u16, String) {
    let answer = client().get(app.url(path)).send().await.unwrap();
    let status = answer.status().as_u16();
    if status != 303 {
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    }
    (status, answer.text().await.unwrap())
}

/// A page that must be there.
async fn page(app: &App, path: &str) -> String {
    let (status, text) = get(app, path).await;
    assert_eq!(status, 200, "{path}: {text}");
    text
}

/// The alerts of a page, in order.
fn alerts(text: &str) -> Vec<&str> {
    let links = text.split(r#"<a class="key" href="/alerts/"#).skip(1);
    links.map(|rest| rest.split('"').next().unwrap()).collect()
}
