//! Cookies: the two that the operator page has, read from a request's header.

use actix_web::{HttpRequest, http::header};

/// The session of a person who signed in.
pub(super) const SESSION: &str = "poundcake_session";
/// Light or dark, where the person chose one.
pub(super) const THEME: &str = "theme";

/// The first cookie of this name.
pub(super) fn get<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let headers = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let request = TestRequest::get().insert_header(("cookie", "a=1; xtheme=no;theme=dark; theme=light"));
        let request = request.to_http_request();
        assert_eq!(get(&request, THEME), Some("dark"));
        assert_eq!(get(&request, SESSION), None);
    }
}
