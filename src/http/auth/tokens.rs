//! A file of `name:token` lines: several tokens live at once, and a change takes effect within a second. A line of operators may
//! end with a role: `name:token:viewer`.

use super::session::{self, Claim};
use chrono::{DateTime, Utc};
use prometheus::IntGauge;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use subtle::{Choice, ConstantTimeEq};

/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest name and the longest token.
const WIDTH: usize = 256;

/// Why a tokens file cannot be used. Names variable, file and line, never the content.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// Not there, or not ours to read.
    #[error("{variable}={} cannot be read", path.display())]
    Unreadable {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is no `name:token`.
    #[error("{variable}={} line {line}: write name:token, both of 1 to 256 visible characters", path.display())]
    Line {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// No tokens in it.
    #[error("{variable}={} has no tokens; write lines of name:token", path.display())]
    Empty {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// A text of any length up to [`WIDTH`], compared in a time that depends on neither text nor length.
#[derive(Clone, PartialEq, Eq)]
struct Padded([u8; WIDTH + 2]);

impl Padded {
    fn new(text: &str) -> Option<Self> {
        let length = u16::try_from(text.len()).ok()?;
        let mut bytes = [0; WIDTH + 2];
        bytes.get_mut(..text.len()).filter(|_| text.len() <= WIDTH)?.copy_from_slice(text.as_bytes());
        bytes[WIDTH..].copy_from_slice(&length.to_be_bytes());
        Some(Self(bytes))
    }

    fn same(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }

    /// The text without its padding.
    fn bytes(&self) -> &[u8] {
        let (text, length) = self.0.split_at(WIDTH);
        let length = length.try_into().map_or(0, u16::from_be_bytes);
        text.get(..usize::from(length)).unwrap_or(text)
    }
}

/// What an operator's token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Read.
    Viewer,
    /// Read and give orders.
    Operator,
}

/// What the lines of a file may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// `name:token`
    Names,
    /// `name:token`, `name:token:viewer` or `name:token:operator`
    Roles,
}

/// One line.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    name: String,
    role: Role,
    padded_name: Padded,
    secret: Padded,
}

struct State {
    tokens: Arc<Vec<Token>>,
    looked_at: Instant,
    /// The last look failed, and it was logged.
    broken: bool,
}

/// The file and what was last read of it.
pub(super) struct TokensFile {
    variable: &'static str,
    lines: Lines,
    path: PathBuf,
    unusable: IntGauge,
    state: Mutex<State>,
}

impl TokensFile {
    /// Reads the file for the first time. `unusable` is 1 while a later look cannot use it.
    pub(super) fn read(
        variable: &'static str,
        lines: Lines,
        path: &Path,
        unusable: IntGauge,
    ) -> Result<Self, TokensError> {
        let tokens = Arc::new(read(variable, lines, path)?);
        let state = Mutex::new(State { tokens, looked_at: Instant::now(), broken: false });
        Ok(Self { variable, lines, path: path.to_owned(), unusable, state })
    }

    /// The name and the role of the token, if it is one of ours; Basic's user must be that name. Every token is compared in full.
    pub(super) fn find(&self, name: Option<&str>, token: &str) -> Option<(String, Role)> {
        let (token, name) = (Padded::new(token)?, name.map(Padded::new));
        let mut found = None;
        for ours in self.current().iter() {
            let same_name = match &name {
                None => Choice::from(1),
                Some(Some(name)) => ours.padded_name.same(name),
                Some(None) => Choice::from(0),
            };
            if bool::from(ours.secret.same(&token) & same_name) {
                found = Some((ours.name.clone(), ours.role));
            }
        }
        found
    }

    /// A new session for a token of ours.
    pub(super) fn session(&self, token: &str, now: DateTime<Utc>) -> Option<String> {
        let (name, _) = self.find(None, token)?;
        session::issue(&name, Padded::new(token)?.bytes(), now)
    }

    /// The name in a session that one of our tokens of that name signed, and that token's role.
    pub(super) fn of_session(&self, session: &str, now: DateTime<Utc>) -> Option<(String, Role)> {
        let claim = Claim::read(session, now)?;
        let tokens = self.current();
        let mut ours = tokens.iter().filter(|token| token.name == claim.name);
        let role = ours.find(|token| claim.is_signed_by(token.secret.bytes()))?.role;
        Some((claim.name, role))
    }

    /// The tokens as they are now. A file that cannot be used leaves the old ones in force: it may be half written, and
    /// locking Alertmanager out would lose alerts.
    fn current(&self) -> Arc<Vec<Token>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= LOOK_EVERY {
            state.looked_at = Instant::now();
            self.look(&mut state);
        }
        Arc::clone(&state.tokens)
    }

    fn look(&self, state: &mut State) {
        match read(self.variable, self.lines, &self.path) {
            Ok(tokens) => {
                if *state.tokens != tokens {
                    log::info!(
                        event = "tokens_changed", variable = self.variable, tokens = tokens.len();
                        "the tokens have changed; using the new ones"
                    );
                    state.tokens = Arc::new(tokens);
                }
                state.broken = false;
                self.unusable.set(0);
            }
            Err(error) => {
                if !state.broken {
                    log::error!(event = "tokens_unusable"; "{}; using the old tokens", crate::logging::chain(&error));
                }
                state.broken = true;
                self.unusable.set(1);
            }
        }
    }

    /// As if the last look were long ago.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.looked_at = Instant::now().checked_sub(LOOK_EVERY).unwrap();
    }
}

/// Reading the whole file at each look tells a change that keeps length and time, and costs no more than asking for them.
fn read(variable: &'static str, lines: Lines, path: &Path) -> Result<Vec<Token>, TokensError> {
    let text = std::fs::read_to_string(path).map_err(|source| TokensError::Unreadable {
        variable,
        path: path.to_owned(),
        source,
    })?;
    tokens_of(&text, lines).map_err(|unusable| match unusable {
        Unusable::Line(line) => TokensError::Line { variable, path: path.to_owned(), line },
        Unusable::Empty => TokensError::Empty { variable, path: path.to_owned() },
    })
}

/// Why a text cannot be used as a tokens file.
pub(super) enum Unusable {
    /// This line, counted from 1.
    Line(usize),
    /// No tokens in it.
    Empty,
}

/// The tokens of a file's text; there is at least one.
pub(super) fn tokens_of(text: &str, lines: Lines) -> Result<Vec<Token>, Unusable> {
    let numbered = crate::bom::without(text).lines().map(str::trim).enumerate();
    let tokens = numbered
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| token(line, lines).ok_or(Unusable::Line(index + 1)))
        .collect::<Result<Vec<_>, _>>()?;
    if tokens.is_empty() { Err(Unusable::Empty) } else { Ok(tokens) }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Token {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn secret(&self) -> &[u8] {
        self.secret.bytes()
    }

    /// Whether this is the token.
    pub(super) fn is(&self, shown: &str) -> bool {
        Padded::new(shown).is_some_and(|shown| bool::from(self.secret.same(&shown)))
    }
}

fn token(line: &str, lines: Lines) -> Option<Token> {
    let (name, rest) = line.split_once(':')?;
    // A token may have colons of its own: only the two roles end a line.
    let (token, role) = match rest.rsplit_once(':').map(|(token, role)| (token, role.trim())) {
        Some((token, "viewer")) if lines == Lines::Roles => (token, Role::Viewer),
        Some((token, "operator")) if lines == Lines::Roles => (token, Role::Operator),
        _ => (rest, Role::Operator),
    };
    let (name, token) = (name.trim(), token.trim());
    let visible = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let secret = (visible(name) && visible(token)).then(|| Padded::new(token))??;
    Some(Token { name: name.to_owned(), role, padded_name: Padded::new(name)?, secret })
}
