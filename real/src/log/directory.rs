//! The decision log's storage on a real file system.
//!
//! Every call is carried out, in order, by one thread of its own, so that a slow disk stalls
//! no executor and the log needs no particular runtime. Unix only: elsewhere a directory
//! cannot be opened to be synced. Absent: any network file system. Their locks and caches keep
//! none of the promises of [`Storage`], and a log on one of them is not safe.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use futures::channel::oneshot;

use super::storage::Storage;

const LOCK: &str = "LOCK";

type Call = Box<dyn FnOnce() + Send>;

/// A directory on the local file system.
#[derive(Debug)]
pub struct Directory {
    path: Arc<Path>,
    /// Open from the lock on, for Linux tells of a failed sync through each handle that was
    /// open then, and through no later one.
    handle: Arc<OnceLock<File>>,
    calls: mpsc::Sender<Call>,
}

impl Directory {
    /// The directory at this path; it is created when the log is opened, but its parent is not.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn new(path: impl Into<PathBuf>) -> io::Result<Self> {
        let (calls, queue) = mpsc::channel::<Call>();
        // The thread ends with the last sender, after it has carried out what is queued.
        thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn(move || queue.into_iter().for_each(|call| call()))?;
        Ok(Self { path: path.into().into(), handle: Arc::default(), calls })
    }

    /// Queues a call for the thread, which carries it out even if the future is dropped.
    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let queued = self.calls.send(Box::new(move || {
            // Nobody listens any more when the caller was dropped, and that is its business.
            let _ = answer.send(call(&path));
        }));
        async move {
            let ended = || io::Error::other("the decision log's thread has ended");
            queued.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?
        }
    }
}

impl Storage for Directory {
    type File = Arc<File>;
    type Lock = File;

    async fn lock(&self) -> io::Result<Option<File>> {
        let handle = Arc::clone(&self.handle);
        self.call(move |path| {
            create_directory(path)?;
            let opened = File::open(path)?;
            handle.get_or_init(|| opened);
            let lock =
                File::options().create(true).truncate(false).write(true).open(path.join(LOCK))?;
            match lock.try_lock() {
                Ok(()) => Ok(Some(lock)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        })
        .await
    }

    async fn draw(&self) -> io::Result<u32> {
        self.call(|_| getrandom::u32().map_err(io::Error::other)).await
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        let handle = Arc::clone(&self.handle);
        self.call(move |path| match handle.get() {
            Some(handle) => names(handle),
            None => names(&File::open(path)?),
        })
        .await
    }

    async fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let name = name.to_owned();
        self.call(move |path| fs::read(path.join(name))).await
    }

    async fn create(&self, name: &str) -> io::Result<Arc<File>> {
        let name = name.to_owned();
        self.call(move |path| {
            File::options().append(true).create_new(true).open(path.join(name)).map(Arc::new)
        })
        .await
    }

    async fn append(&self, file: &Arc<File>, bytes: Vec<u8>) -> io::Result<()> {
        let file = Arc::clone(file);
        self.call(move |_| (&*file).write_all(&bytes)).await
    }

    async fn sync(&self, file: &Arc<File>) -> io::Result<()> {
        let file = Arc::clone(file);
        // The length is data enough to be synced; only times are left out.
        self.call(move |_| file.sync_data()).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.call(move |path| fs::rename(path.join(from), path.join(to))).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        self.call(move |path| fs::remove_file(path.join(name))).await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        let handle = Arc::clone(&self.handle);
        self.call(move |path| match handle.get() {
            Some(handle) => handle.sync_all(),
            None => File::open(path)?.sync_all(),
        })
        .await
    }
}

/// The names in an open directory. It takes no further descriptor: a process that has none left
/// must still be able to look for a successor, or it could not tell its own decisions durable.
#[cfg(target_os = "linux")]
fn names(directory: &File) -> io::Result<Vec<String>> {
    use rustix::fs::{RawDir, SeekFrom, seek};

    seek(directory, SeekFrom::Start(0))?;
    let mut buffer = Vec::with_capacity(8192);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        // A name that is not text is none of the log's.
        names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
    }
    Ok(names)
}

#[cfg(not(target_os = "linux"))]
fn names(directory: &File) -> io::Result<Vec<String>> {
    let entries = rustix::fs::Dir::read_from(directory)?;
    let name = |entry: rustix::io::Result<rustix::fs::DirEntry>| {
        Ok(entry?.file_name().to_str().ok().map(str::to_owned))
    };
    entries.filter_map(|entry| name(entry).transpose()).collect()
}

/// Makes the directory, durably, unless it is there.
fn create_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {
            let parent = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            File::open(parent)?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
