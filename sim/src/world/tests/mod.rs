//! What is asked of a whole world.

mod suite;
