//! What the claims say: of doctored knowledge, and of doctored histories.

mod claims;
mod fenced;
mod histories;
mod said;
mod waits;
