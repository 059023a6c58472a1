//! An image built from Debian packages, for machines that reach a package mirror but no
//! image registry.
//!
//! The recipe is in `postgres-image/` and is compiled in. Its checksum is the image's tag,
//! so an image is built once per machine and recipe. Old ones are left for
//! `docker image rm`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::{TryStreamExt as _, stream};
use testcontainers_modules::testcontainers::bollard::query_parameters::BuildImageOptionsBuilder;
use testcontainers_modules::testcontainers::bollard::{Docker, body_try_stream};
use tokio::task::spawn_blocking;

use super::docker;
use crate::containers::base::{announce, in_full, secret};
use crate::containers::source::Image;

const CONTEXT: &str = include_str!("../../../postgres-image/context.sh");
const DOCKERFILE: &str = include_str!("../../../postgres-image/Dockerfile");
const ENTRYPOINT: &str = include_str!("../../../postgres-image/entrypoint.sh");

/// The image, built now if Docker does not have it yet.
pub(super) async fn obtain(docker: &Docker) -> Result<Image, String> {
    let image = image();
    if docker::has(docker, &image).await {
        return Ok(image);
    }
    for program in ["apt-get", "dpkg-deb"] {
        if Command::new(program).arg("--version").output().is_err() {
            return Err(format!("building one needs {program}, which is not installed"));
        }
    }
    let lock = lock(image.clone()).await.map_err(|error| format!("cannot lock: {error}"))?;
    if !docker::has(docker, &image).await {
        announce::line(&format!("building the Docker image {image} from Debian packages"));
        build(docker, &image).await?;
    }
    drop(lock);
    Ok(image)
}

fn image() -> Image {
    let recipe = [CONTEXT, DOCKERFILE, ENTRYPOINT].concat();
    Image::parse(&format!("indoubt-postgres:debian-{:08x}", crc32fast::hash(recipe.as_bytes())))
}

/// Keeps two test processes from building at the same time; released when the file closes.
async fn lock(image: Image) -> io::Result<File> {
    let waiting = spawn_blocking(move || {
        let owner = rustix::process::geteuid().as_raw();
        let name = format!("indoubt-postgres-{}-{owner}.lock", image.tag());
        let file = File::create(std::env::temp_dir().join(name))?;
        file.lock()?;
        Ok(file)
    });
    waiting.await.expect("taking a lock does not panic")
}

async fn build(docker: &Docker, image: &Image) -> Result<(), String> {
    let folder = Folder::create().map_err(|error| format!("cannot make a folder: {error}"))?;
    let path = folder.0.clone();
    let context = spawn_blocking(move || make_context(&path)).await;
    let context = context.expect("making the context does not panic")?;

    let options = BuildImageOptionsBuilder::new().t(&image.to_string()).rm(true).build();
    let body = body_try_stream(stream::iter(chunks(context)).map_ok(Into::into));
    let built = docker.build_image(options, None, Some(body)).try_for_each(|_| async { Ok(()) });
    built.await.map_err(|error| format!("docker build failed: {}", in_full(&error)))
}

/// Runs the recipe's script; it leaves the build context in the file returned.
fn make_context(folder: &Path) -> Result<File, String> {
    let attempt = || {
        fs::write(folder.join("Dockerfile"), DOCKERFILE)?;
        fs::write(folder.join("entrypoint.sh"), ENTRYPOINT)?;
        Command::new("sh").args(["-c", CONTEXT, "context.sh"]).arg(folder).output()
    };
    let output = attempt().map_err(|error| format!("cannot run the recipe: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the packages cannot be had: {}", said.trim()));
    }
    File::open(folder.join("context.tar")).map_err(|error| error.to_string())
}

/// The file in pieces, so that it need not fit in memory.
fn chunks(mut file: File) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut chunk = Vec::new();
        match file.by_ref().take(1 << 20).read_to_end(&mut chunk) {
            Ok(0) => None,
            Ok(_) => Some(Ok(chunk)),
            Err(error) => Some(Err(error)),
        }
    })
}

/// A temporary folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("indoubt-image-{}", secret::token()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
