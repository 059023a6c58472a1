//! The name of a Docker image.

use std::fmt;

/// A Docker image, by name and tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    name: String,
    tag: String,
}

impl Image {
    /// Reads `name`, `name:tag` or `name@sha256:digest`; without a tag it is `latest`.
    pub(in crate::containers) fn parse(reference: &str) -> Self {
        let (name, tag) = match reference.rsplit_once(':') {
            // A slash after the colon: the colon is that of a registry's port.
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (reference, "latest"),
        };
        Self { name: name.to_owned(), tag: tag.to_owned() }
    }

    pub(in crate::containers) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::containers) fn tag(&self) -> &str {
        &self.tag
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_as_it_was_written() {
        for text in ["postgres:17", "localhost:5000/pg:1", "postgres@sha256:00ff"] {
            assert_eq!(Image::parse(text).to_string(), text);
        }
    }

    #[test]
    fn a_reference_without_a_tag_means_latest() {
        assert_eq!(Image::parse("localhost:5000/pg").to_string(), "localhost:5000/pg:latest");
    }
}
