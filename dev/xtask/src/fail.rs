//! One error type for all commands: a sentence that says what happened and, where we know it, what to do.
use std::fmt;

/// What stopped a command, in words for the person who typed it.
pub(crate) struct Fail {
    what: String,
    todo: Option<String>,
}

/// The result of every step of a command.
pub(crate) type Outcome<T> = Result<T, Fail>;

impl Fail {
    /// A failure that the reader must judge for themselves.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), todo: None }
    }

    /// Adds what the reader can do about it.
    pub(crate) fn hint(mut self, todo: impl Into<String>) -> Self {
        self.todo = Some(todo.into());
        self
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        match &self.todo {
            Some(todo) => write!(f, "\n  What to do: {todo}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Turns any error into a [`Fail`] that says what was being attempted.
pub(crate) trait Attempt<T> {
    /// `doing` completes the sentence "Could not …".
    fn attempt(self, doing: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: std::error::Error> Attempt<T> for Result<T, E> {
    fn attempt(self, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| {
            let mut text = format!("Could not {}: {error}", doing());
            let mut source = error.source();
            for _ in 0..CAUSES_SHOWN_MAX {
                let Some(cause) = source else { break };
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            Fail::new(text)
        })
    }
}

const CAUSES_SHOWN_MAX: usize = 6;
