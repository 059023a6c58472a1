//! A rule that was waited for in vain.

use std::time::Duration;

/// The proxy's rule has not fired, and it was no longer waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFired {
    /// Nothing can fire.
    #[error(
        "the proxy has no rule that could fire: set one (cut_before, cut_after_reply, swallow, hold) \
         before what is to meet it begins, and heal only after it has fired"
    )]
    NoRule,
    /// No statement that the rule is for came.
    #[error(
        "no statement that begins with {rule:?} came through the proxy within {waited:?}: see that the \
         rule is written as the statement begins, that it is sent at all, and that it goes through the \
         proxy"
    )]
    NoStatement {
        /// The text of the rule.
        rule: String,
        /// How long it was waited for.
        waited: Duration,
    },
}
