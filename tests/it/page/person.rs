//! A person with a browser: a session, pages, and the forms on them.

use crate::{harness::client, http_api::app::App};
use reqwest::Response;

/// Who is signed in.
pub struct Person<'a> {
    app: &'a App,
    session: String,
}

/// Name and value, as a form sends them.
pub fn encoded(fields: &[(String, String)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap().to_owned()
}

impl<'a> Person<'a> {
    /// Signs in with a token of `orders::given::app`.
    pub async fn sign_in(app: &'a App, name: &str) -> Self {
        let form = encoded(&[("token".to_owned(), format!("{name}-token"))]);
        let answer = client().post(app.url("/login")).body(form).send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        Self { app, session: cookie.split(';').next().unwrap().to_owned() }
    }

    /// A page that must be there.
    pub async fn page(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// Status and text.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = client().get(self.app.url(path)).header("cookie", &self.session).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends fields, as a hand-made request does.
    pub async fn post(&self, path: &str, fields: &[(String, String)]) -> Response {
        let post = client().post(self.app.url(path)).header("cookie", &self.session);
        post.header("content-type", "application/x-www-form-urlencoded").body(encoded(fields)).send().await.unwrap()
    }

    /// Presses a button that must lead to another page, and goes there.
    pub async fn press(&self, path: &str, fields: &[(String, String)]) -> String {
        let answer = self.post(path, fields).await;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let Some(location) = location else { panic!("{path}: {status} {}", answer.text().await.unwrap()) };
        self.page(&location).await
    }
}

/// The fields that the form on a page sends besides those that a person fills in.
pub fn hidden(page: &str) -> Vec<(String, String)> {
    let field = |input: &str| {
        let value = |name: &str| input.split(&format!("{name}=\"")).nth(1)?.split('"').next().map(unescaped);
        Some((value("name")?, value("value")?))
    };
    page.split(r#"<input type="hidden" "#).skip(1).filter_map(|rest| field(rest.split('>').next()?)).collect()
}

/// With one more field.
pub fn and(mut fields: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
    fields
}

fn unescaped(text: &str) -> String {
    let known = [("&#38;", "&"), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}
