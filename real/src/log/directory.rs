//! The decision log's storage on a real file system.
//!
//! Every call is carried out, in order, by one thread of its own, so that a slow disk stalls
//! no executor and the log needs no particular runtime. Files are found through the directory
//! that was opened first, and not by its path each time: listing it then needs no descriptor,
//! of which the process may have none left when a decision has just been written. Every error
//! names the path. Unix only: elsewhere a directory cannot be opened to be synced.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;

use futures::channel::oneshot;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::file_system;
use super::storage::Storage;

const LOCK: &str = "LOCK";

type Call = Box<dyn FnOnce() + Send>;

/// A directory on a local file system.
///
/// One on a network file system (NFS, SMB, AFS, Coda) is refused when the log is opened, for
/// their locks and caches keep none of the promises of [`Storage`]. Of 9P, FUSE and Ceph it
/// depends on what is behind them: a warning is logged. Network block devices are local, if one
/// machine has them attached. Linux tells which it is; elsewhere nothing is checked.
#[derive(Debug)]
pub struct Directory {
    place: Place,
    network_allowed: bool,
    calls: mpsc::Sender<Call>,
}

/// The directory, as the thread sees it.
#[derive(Clone, Debug)]
struct Place {
    path: Arc<Path>,
    opened: Arc<OnceLock<Opened>>,
}

#[derive(Debug)]
struct Opened {
    /// Open from the lock on, for Linux tells of a failed sync through each handle that was
    /// open then, and through no later one.
    handle: File,
    entries: Mutex<Dir>,
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
        let place = Place { path: path.into().into(), opened: Arc::default() };
        Ok(Self { place, network_allowed: false, calls })
    }

    /// Takes a network file system, too. That is safe only if one machine at most ever uses the
    /// directory, also while it is cut off and another wants to take over, and if a sync there
    /// reaches the medium.
    pub fn allow_network_file_system(self) -> Self {
        Self { network_allowed: true, ..self }
    }

    /// Queues a call for the thread, which carries it out even if the future is dropped.
    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Place) -> io::Result<T> + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let place = self.place.clone();
        let queued = self.calls.send(Box::new(move || {
            // Nobody listens any more when the caller was dropped, and that is its business.
            let _ = answer.send(call(&place));
        }));
        async move {
            let ended = || io::Error::other("the decision log's thread has ended");
            queued.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?
        }
    }
}

impl Place {
    fn opened(&self) -> io::Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let handle = File::open(&self.path).map_err(at(&self.path))?;
        let entries = handle.try_clone().and_then(|handle| Ok(Dir::new(handle)?));
        let entries = Mutex::new(entries.map_err(at(&self.path))?);
        Ok(self.opened.get_or_init(|| Opened { handle, entries }))
    }

    /// Opens a file of the directory.
    fn open(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let (directory, mode) = (&self.opened()?.handle, Mode::from_raw_mode(0o666));
        let opened = rustix::fs::openat(directory, name, flags | OFlags::CLOEXEC, mode);
        Ok(opened.map_err(at(&self.path.join(name)))?.into())
    }

    fn lock(&self) -> io::Result<Option<File>> {
        let lock = self.open(LOCK, OFlags::CREATE | OFlags::WRONLY)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(at(&self.path.join(LOCK))(error)),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let opened = self.opened()?;
        // A successor opens what has this path. If that is another directory by now, no
        // successor would be seen here.
        let here = rustix::fs::fstat(&opened.handle).map_err(at(&self.path))?;
        let there = rustix::fs::stat(&*self.path).map_err(at(&self.path))?;
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino) {
            return Err(io::Error::other(format!(
                "{} is no longer the directory that the decision log was opened in: put that one back",
                self.path.display()
            )));
        }
        let mut entries = opened.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.rewind();
        let mut names = Vec::new();
        while let Some(entry) = entries.read() {
            let entry = entry.map_err(at(&self.path))?;
            // A name that is not text is none of the log's.
            names.extend(entry.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }
}

impl Storage for Directory {
    type File = Arc<File>;
    type Lock = File;

    async fn lock(&self) -> io::Result<Option<File>> {
        let network_allowed = self.network_allowed;
        self.call(move |place| {
            create_directory(&place.path)?;
            let found = file_system::found(&place.opened()?.handle).map_err(at(&place.path))?;
            file_system::admit(found, &place.path, network_allowed)?;
            place.lock()
        })
        .await
    }

    async fn draw(&self) -> io::Result<u32> {
        self.call(|_| getrandom::u32().map_err(io::Error::other)).await
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.call(Place::list).await
    }

    async fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let name = name.to_owned();
        self.call(move |place| {
            let (mut file, mut bytes) = (place.open(&name, OFlags::RDONLY)?, Vec::new());
            file.read_to_end(&mut bytes).map_err(at(&place.path.join(name)))?;
            Ok(bytes)
        })
        .await
    }

    async fn create(&self, name: &str) -> io::Result<Arc<File>> {
        let name = name.to_owned();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::APPEND;
        self.call(move |place| place.open(&name, flags).map(Arc::new)).await
    }

    async fn append(&self, file: &Arc<File>, bytes: Vec<u8>) -> io::Result<()> {
        let file = Arc::clone(file);
        self.call(move |place| (&*file).write_all(&bytes).map_err(at(&place.path))).await
    }

    async fn sync(&self, file: &Arc<File>) -> io::Result<()> {
        let file = Arc::clone(file);
        // The length is data enough to be synced; only times are left out.
        self.call(move |place| file.sync_data().map_err(at(&place.path))).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.call(move |place| {
            let directory = &place.opened()?.handle;
            let renamed = rustix::fs::renameat(directory, &from, directory, &to);
            renamed.map_err(at(&place.path.join(from)))
        })
        .await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        self.call(move |place| {
            let removed = rustix::fs::unlinkat(&place.opened()?.handle, &name, AtFlags::empty());
            removed.map_err(at(&place.path.join(name)))
        })
        .await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.call(|place| place.opened()?.handle.sync_all().map_err(at(&place.path))).await
    }
}

/// Makes the directory, durably, unless it is there.
fn create_directory(path: &Path) -> io::Result<()> {
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::create_dir(path) {
        Ok(()) => File::open(parent).and_then(|parent| parent.sync_all()).map_err(at(parent)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::Error::new(
            error.kind(),
            format!(
                "{}: its parent directory {} is not there: see that its volume is mounted, or create it",
                path.display(),
                parent.display()
            ),
        )),
        Err(error) => Err(at(path)(error)),
    }
}

/// Says where an error was met, and what to do where the error alone does not.
fn at<E: Into<io::Error>>(path: &Path) -> impl Fn(E) -> io::Error {
    move |error| {
        let error = error.into();
        let advice = match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE) => {
                "; this process has used up its file descriptors: raise its limit (ulimit -n, LimitNOFILE), or find \
                 what leaks them"
            }
            Some(Errno::NFILE) => {
                "; this machine has used up its file descriptors: raise fs.file-max, or find what leaks them"
            }
            _ => "",
        };
        io::Error::new(error.kind(), format!("{}: {error}{advice}", path.display()))
    }
}
