//! What a client gets: an answer of StackStorm, a page of something in front of it, or nothing.

use super::answer::Answer;

/// What the HTTP side does with a request.
pub(super) enum Reply {
    /// StackStorm's own answer.
    Answer(Answer),
    /// A page of something in front of StackStorm, or of gunicorn: without the client's `X-Request-ID`.
    Page(Answer),
    /// Closes the connection without a byte.
    Close,
    /// Says nothing until the client goes.
    Silence,
}
