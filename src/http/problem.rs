//! The only place that turns errors into HTTP: RFC 9457 `application/problem+json`.
//!
//! Alertmanager drops a group for which it gets a 4xx and tries again after a 5xx: so a 4xx is what the sender alone can
//! mend, and everything that is our trouble is a 503.

use super::attempts;
use crate::{
    database::{DatabaseError, error_texts},
    history::HistoryError,
    logging::chain,
    model::ids::RequestId,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode, http::header};
use serde::Serialize;

/// Everything that is answered with an error.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("no such path")]
    NoSuchPath,
    #[error("method not allowed; use {allow}")]
    WrongMethod { allow: String },
    #[error("send a token: Authorization: Bearer, or Basic with the token's name as user")]
    NoToken,
    #[error("unknown token")]
    WrongToken,
    #[error("too many wrong tokens from this address; wait a minute, or send a right one, which is always taken")]
    TooManyWrongTokens,
    #[error("this token may only post webhooks")]
    NotAllowed,
    #[error("this token may only read; an order needs a token with the role operator")]
    ReadsOnly,
    #[error(
        "this request comes from a web page of another origin; only programs and pages of this server may change anything"
    )]
    CrossOrigin,
    #[error("{message}")]
    NotAWebhook { request_id: RequestId, message: String },
    #[error("the body ended before its announced length")]
    CutOff,
    #[error("the body is larger than {limit} bytes; raise POUNDCAKE_MAX_BODY_BYTES or send smaller groups")]
    TooLarge { limit: usize },
    #[error("unsupported Content-Encoding; send the body with gzip or deflate, or without compression")]
    Encoded,
    #[error("the body does not match its Content-Encoding, or is incomplete")]
    Corrupt,
    #[error("{message}")]
    BadParameter { name: String, message: String },
    #[error("{0}")]
    BadOrder(String),
    #[error("{0}")]
    TooMany(String),
    #[error("no {what} has the id {id}")]
    NoSuch { what: &'static str, id: String },
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("a webhook could not be stored now: {0}")]
    NotReady(String),
    #[error("{0}")]
    NoTables(String),
    #[error("{0}")]
    TooLong(DatabaseError),
    #[error("the database is not available")]
    Database(#[source] DatabaseError),
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The members of a problem; `type` is always `about:blank`, so `title` is the status's own phrase.
#[derive(Serialize)]
struct Body {
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        if matches!(error, DatabaseError::TooLong) { Self::TooLong(error) } else { Self::Database(error) }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Database(error) => error.into(),
            HistoryError::NoTables(_) => Self::NoTables(error.to_string()),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotAWebhook { .. } | Self::CutOff | Self::Corrupt | Self::BadParameter { .. } | Self::BadOrder(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::TooManyWrongTokens => StatusCode::TOO_MANY_REQUESTS,
            Self::NotAllowed | Self::ReadsOnly | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuch { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMany(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Database(DatabaseError::Query(error)) if !error_texts::is_passing(error) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Database(DatabaseError::Migration(_)) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) | Self::NotReady(_) | Self::NoTables(_) | Self::TooLong(_) | Self::Database(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (mut response, body) = self.described();
        let text = serde_json::to_string(&body).unwrap_or_default();
        response.insert_header((header::CONTENT_TYPE, "application/problem+json")).body(text)
    }
}

impl Problem {
    /// As a page for people: status, headers, and the same words.
    pub(super) fn for_people(&self) -> (HttpResponseBuilder, StatusCode, String) {
        let (response, body) = self.described();
        let instance = body.instance.map(|instance| format!(" ({instance})")).unwrap_or_default();
        (response, self.status_code(), body.detail + &instance)
    }

    /// Status and headers, and what the body says. Trouble of ours is logged here.
    fn described(&self) -> (HttpResponseBuilder, Body) {
        let status = self.status_code();
        let mut body = Body {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
            instance: None,
            request_id: None,
            parameter: None,
        };
        let mut response = HttpResponse::build(status);
        match self {
            Self::NotAWebhook { request_id, .. } => body.request_id = Some(*request_id),
            Self::BadParameter { name, .. } => body.parameter = Some(name.clone()),
            Self::NoToken | Self::WrongToken => {
                response.append_header((header::WWW_AUTHENTICATE, r#"Bearer, Basic realm="poundcake""#));
            }
            Self::TooManyWrongTokens => {
                response.insert_header((header::RETRY_AFTER, attempts::WINDOW.as_secs().to_string()));
            }
            Self::WrongMethod { allow } => {
                response.insert_header((header::ALLOW, allow.as_str()));
            }
            _ => {}
        }
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                log::warn!(event = "answered_503"; "answering 503: {}", chain(self));
                response.insert_header((header::RETRY_AFTER, "1"));
            }
            // Its causes may hold internal details: they go to the log, under the id that the caller gets.
            StatusCode::INTERNAL_SERVER_ERROR => {
                let instance = format!("urn:uuid:{}", uuid::Uuid::new_v4());
                log::error!(event = "answered_500", instance:%; "answering 500: {}", chain(self));
                "internal error; search the server log for this instance id".clone_into(&mut body.detail);
                body.instance = Some(instance);
            }
            _ => {}
        }
        (response, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::MessageBody;

    fn answer(problem: &Problem) -> (u16, serde_json::Value, HttpResponse<()>) {
        let (response, body) = problem.error_response().into_parts();
        let body = body.try_into_bytes().unwrap();
        (response.status().as_u16(), serde_json::from_slice(&body).unwrap(), response)
    }

    fn query(message: &str) -> Problem {
        let kind = diesel::result::DatabaseErrorKind::Unknown;
        DatabaseError::Query(diesel::result::Error::DatabaseError(kind, Box::new(message.to_owned()))).into()
    }

    #[test]
    fn every_problem_has_its_status() {
        let id = RequestId::generate();
        let table = [
            (400, Problem::NotAWebhook { request_id: id, message: "the body is empty".to_owned() }),
            (400, Problem::CutOff),
            (400, Problem::Corrupt),
            (400, Problem::BadParameter { name: "limit".to_owned(), message: "limit: too many".to_owned() }),
            (400, Problem::BadOrder("unknown field".to_owned())),
            (401, Problem::NoToken),
            (401, Problem::WrongToken),
            (429, Problem::TooManyWrongTokens),
            (403, Problem::NotAllowed),
            (403, Problem::ReadsOnly),
            (403, Problem::CrossOrigin),
            (404, Problem::NoSuchPath),
            (404, Problem::NoSuch { what: "request", id: id.to_string() }),
            (405, Problem::WrongMethod { allow: "POST".to_owned() }),
            (409, Problem::TooMany("3 rows match".to_owned())),
            (413, Problem::TooLarge { limit: 1024 }),
            (415, Problem::Encoded),
            (503, Problem::Unavailable("shutting down")),
            (503, Problem::NotReady("the database is read-only".to_owned())),
            (503, DatabaseError::Unavailable { label: "db:3306/pc".to_owned(), source: "refused".into() }.into()),
            (503, DatabaseError::CommitUnknown(diesel::result::Error::BrokenTransactionManager).into()),
            (503, DatabaseError::Raced.into()),
            (503, DatabaseError::Schema("run: poundcake migrate up".to_owned()).into()),
            (503, DatabaseError::CutOff.into()),
            (503, DatabaseError::TooLong.into()),
            (503, HistoryError::NoTables("run: poundcake migrate up".to_owned()).into()),
            (503, query("MySQL server has gone away")),
            (500, query("You have an error in your SQL syntax")),
            (500, DatabaseError::Migration("x".into()).into()),
            (500, Problem::Internal("x".into())),
        ];
        for (status, problem) in table {
            let (answered, body, response) = answer(&problem);
            assert_eq!(answered, status, "{problem:?}");
            assert_eq!(body["status"], status);
            assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
            assert_eq!(response.headers().get("retry-after").is_some(), matches!(status, 429 | 503), "{problem:?}");
            assert_eq!(response.headers().get("www-authenticate").is_some(), status == 401);
            assert_eq!(body.get("instance").is_some(), status == 500);
            assert_eq!(body.get("parameter").is_some(), matches!(problem, Problem::BadParameter { .. }));
        }
    }

    #[test]
    fn internal_errors_are_not_shown() {
        for problem in
            [query("Access denied for pc"), query("gone away: host quaymaster"), Problem::Internal("quaymaster".into())]
        {
            let (_, body, _) = answer(&problem);
            assert!(!body.to_string().contains("quaymaster") && !body.to_string().contains("denied"), "{body}");
        }
    }

    #[test]
    fn too_large_names_limit_and_variable() {
        let (_, body, _) = answer(&Problem::TooLarge { limit: 33_554_432 });
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("33554432") && detail.contains("POUNDCAKE_MAX_BODY_BYTES"), "{detail}");
    }
}
