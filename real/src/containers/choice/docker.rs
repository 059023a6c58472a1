//! What is asked of Docker before any container: is it there, does it have this image.
//!
//! Errors are text, as they end up in the list of sources passed over.

use std::time::Duration;

use futures::TryStreamExt as _;
use testcontainers_modules::testcontainers::bollard::Docker;
use testcontainers_modules::testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;
use testcontainers_modules::testcontainers::core::client::docker_client_instance;
use tokio::time::timeout;

use crate::containers::base::{announce, in_full};
use crate::containers::source::Image;

/// A Docker Engine that answers.
pub(super) async fn connect() -> Result<Docker, String> {
    let asked = async {
        let docker = docker_client_instance().await.map_err(|error| in_full(&error))?;
        docker.ping().await.map_err(|error| in_full(&error))?;
        Ok(docker)
    };
    timeout(Duration::from_secs(20), asked)
        .await
        .unwrap_or_else(|_| Err("Docker gives no answer".to_owned()))
}

/// Whether Docker has the image.
pub(super) async fn has(docker: &Docker, image: &Image) -> bool {
    docker.inspect_image(&image.to_string()).await.is_ok()
}

/// Makes Docker have the image, pulling it if need be.
pub(super) async fn obtain(docker: &Docker, image: &Image) -> Result<(), String> {
    if has(docker, image).await {
        return Ok(());
    }
    announce::line(&format!("Docker does not have {image} yet: trying to pull it"));
    let options =
        CreateImageOptionsBuilder::new().from_image(image.name()).tag(image.tag()).build();
    let pulled = docker.create_image(Some(options), None, None).try_for_each(|_| async { Ok(()) });
    let failed = |error| format!("it is not here and cannot be pulled: {}", in_full(&error));
    pulled.await.map_err(failed)
}
