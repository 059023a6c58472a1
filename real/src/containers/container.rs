//! A server in a Docker container, by testcontainers.
//!
//! Readiness is not testcontainers' business here: [`super::Server`] asks by SQL, the same
//! way after a first start and after a restart, which no log line announces.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::bollard::Docker;
use testcontainers_modules::testcontainers::bollard::models::PortBinding;
use testcontainers_modules::testcontainers::bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers_modules::testcontainers::core::IntoContainerPort as _;
use testcontainers_modules::testcontainers::core::client::docker_client_instance;
use testcontainers_modules::testcontainers::runners::AsyncRunner as _;
use testcontainers_modules::testcontainers::{ContainerAsync, ContainerRequest, ImageExt as _};
use tokio::runtime::{Handle, Runtime};

use super::base::{ControlError, Machine, Order, StartError, in_full, secret};
use super::port;
use super::source::Image;

const SERVER_PORT: u16 = 5432;

pub(super) struct Container {
    image: Image,
    port: u16,
    /// `None` only while being dropped.
    inner: Option<ContainerAsync<Postgres>>,
}

impl Container {
    pub(super) async fn create(image: &Image, order: Order) -> Result<Self, StartError> {
        let port = order.port;
        let name = format!("indoubt-postgres-{}", secret::token());
        match request(image, order, &name).start().await {
            Ok(container) => Ok(Self { image: image.clone(), port, inner: Some(container) }),
            Err(error) => {
                // testcontainers leaves a container behind that was created but did not start.
                remove_by_name(&name).await;
                Err(start_error(image, port, &error))
            }
        }
    }

    fn inner(&self) -> &ContainerAsync<Postgres> {
        self.inner.as_ref().expect("the container is taken only by drop and remove")
    }
}

impl Machine for Container {
    fn start_again(&self) -> BoxFuture<'_, Result<(), StartError>> {
        let started = self.inner().start();
        started.map_err(|error| start_error(&self.image, self.port, &error)).boxed()
    }

    fn log_if_ended(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async {
            if self.inner().is_running().await.unwrap_or(true) {
                return None;
            }
            let log = self.inner().stderr_to_vec().await.unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<_> = log.lines().collect();
            Some(lines[lines.len().saturating_sub(10)..].join("\n"))
        })
    }

    fn kill(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(async {
            let docker = docker().await.map_err(ControlError::because("kill"))?;
            let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
            match docker.kill_container(self.inner().id(), Some(options)).await {
                Ok(()) => {}
                // Not running already.
                Err(_) if matches!(self.inner().is_running().await, Ok(false)) => return Ok(()),
                Err(error) => return Err(ControlError::because("kill")(error)),
            }
            // The signal is on its way. A container that still counts as running would not be
            // started again.
            while self.inner().is_running().await.map_err(ControlError::because("kill"))? {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        self.inner().pause().map_err(ControlError::because("pause")).boxed()
    }

    fn unpause(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        self.inner().unpause().map_err(ControlError::because("unpause")).boxed()
    }

    fn remove(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ControlError>> {
        let container = self.inner.take().expect("nothing else has taken it");
        container.rm().map_err(ControlError::because("remove")).boxed()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some(container) = self.inner.take() else { return };
        if Handle::try_current().is_ok() {
            return drop(container);
        }
        // Outside a runtime testcontainers' own clean-up panics.
        if let Ok(runtime) = Runtime::new() {
            let _ = runtime.block_on(container.rm());
        } else {
            std::mem::forget(container);
        }
    }
}

fn request(image: &Image, order: Order, name: &str) -> ContainerRequest<Postgres> {
    let host_port = order.port;
    Postgres::default()
        .with_password(&order.password)
        .with_name(image.name())
        .with_tag(image.tag())
        .with_container_name(name)
        .with_cmd(order.arguments)
        .with_ready_conditions(Vec::new())
        .with_mapped_port(host_port, SERVER_PORT.tcp())
        .with_host_config_modifier(move |host| {
            let here = PortBinding {
                host_ip: Some("127.0.0.1".to_owned()),
                host_port: Some(host_port.to_string()),
            };
            let binding = (format!("{SERVER_PORT}/tcp"), Some(vec![here]));
            host.port_bindings = Some([binding].into_iter().collect());
        })
}

fn start_error(image: &Image, port: u16, error: &dyn std::error::Error) -> StartError {
    let reason = in_full(error);
    if port::was_taken(&reason) {
        return StartError::PortTaken { port };
    }
    StartError::Docker { image: image.to_string(), reason }
}

async fn docker() -> Result<Docker, String> {
    docker_client_instance().await.map_err(|error| in_full(&error))
}

async fn remove_by_name(name: &str) {
    let Ok(docker) = docker().await else { return };
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    // It may never have been created.
    let _ = docker.remove_container(name, Some(options)).await;
}
