//! Where a server comes from, as plain data: which it is to be is found by `choice`.

mod image;

use std::fmt;
use std::path::{Path, PathBuf};

pub use image::Image;

/// The environment variable that names an image, as `name:tag`, to use before all else.
///
/// The image must keep the official image's contract: `POSTGRES_PASSWORD`, and server
/// arguments as the command.
pub const IMAGE_VARIABLE: &str = "INDOUBT_POSTGRES_IMAGE";

/// What a server was started from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The image that [`IMAGE_VARIABLE`] names.
    Named(Image),
    /// The official image.
    Official(Image),
    /// An image built on this machine from Debian packages.
    Debian(Image),
    /// Binaries in this folder.
    Installed(PathBuf),
}

impl Source {
    pub(super) fn image(&self) -> Option<&Image> {
        match self {
            Self::Named(image) | Self::Official(image) | Self::Debian(image) => Some(image),
            Self::Installed(_) => None,
        }
    }

    pub(super) fn binaries(&self) -> Option<&Path> {
        match self {
            Self::Installed(folder) => Some(folder),
            Self::Named(_) | Self::Official(_) | Self::Debian(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(image) => write!(f, "Docker image {image}, named by {IMAGE_VARIABLE}"),
            Self::Official(image) => write!(f, "Docker image {image}"),
            Self::Debian(image) => write!(f, "Docker image {image}, built from Debian packages"),
            Self::Installed(folder) => write!(f, "local binaries in {}", folder.display()),
        }
    }
}
