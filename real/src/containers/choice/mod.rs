//! Where a Postgres comes from: the order of preference, tried once per process.
//!
//! 1. the image named by [`IMAGE_VARIABLE`], which must then work;
//! 2. the official `postgres` image, present or pulled;
//! 3. an image built from Debian packages, when Docker reaches no registry;
//! 4. binaries installed on this machine, when there is no Docker.

mod debian;
mod docker;
mod installed;

use tokio::sync::OnceCell;

use crate::containers::base::{PassedOver, SourceError, announce};
use crate::containers::source::{IMAGE_VARIABLE, Image, Source};

const OFFICIAL: &str = "postgres:17";

/// The source for this process: found and announced at the first call, the same ever after.
pub(super) async fn choose() -> Result<Source, SourceError> {
    static CHOSEN: OnceCell<Result<Source, SourceError>> = OnceCell::const_new();
    CHOSEN.get_or_init(find).await.clone()
}

async fn find() -> Result<Source, SourceError> {
    if let Some(image) = std::env::var(IMAGE_VARIABLE).ok().filter(|name| !name.is_empty()) {
        return named(&Image::parse(&image)).await;
    }
    let mut passed_over = Vec::new();
    let found = match from_docker(&mut passed_over).await {
        Some(source) => Some(source),
        None => from_this_machine(&mut passed_over),
    };
    let Some(source) = found else {
        return Err(SourceError::Nothing { passed_over });
    };
    announce::source(&source, &passed_over);
    Ok(source)
}

async fn named(image: &Image) -> Result<Source, SourceError> {
    let present = match docker::connect().await {
        Ok(docker) => docker::obtain(&docker, image).await,
        Err(reason) => Err(reason),
    };
    present.map_err(|reason| SourceError::NamedImage { image: image.to_string(), reason })?;
    let source = Source::Named(image.clone());
    announce::source(&source, &[]);
    Ok(source)
}

async fn from_docker(passed_over: &mut Vec<PassedOver>) -> Option<Source> {
    let mut pass = |source: &str, reason| {
        passed_over.push(PassedOver { source: source.to_owned(), reason });
    };
    let docker = match docker::connect().await {
        Ok(docker) => docker,
        Err(reason) => {
            pass("from Docker", reason);
            return None;
        }
    };
    let official = Image::parse(OFFICIAL);
    match docker::obtain(&docker, &official).await {
        Ok(()) => return Some(Source::Official(official)),
        Err(reason) => pass(&format!("from Docker image {official}"), reason),
    }
    match debian::obtain(&docker).await {
        Ok(image) => Some(Source::Debian(image)),
        Err(reason) => {
            pass("from a Docker image built of Debian packages", reason);
            None
        }
    }
}

fn from_this_machine(passed_over: &mut Vec<PassedOver>) -> Option<Source> {
    let found = installed::find();
    if found.is_none() {
        let reason = format!("no initdb and postgres {}", installed::LOOKED_IN);
        passed_over.push(PassedOver { source: "from local binaries".to_owned(), reason });
    }
    found.map(Source::Installed)
}
