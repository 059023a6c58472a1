//! The account a local server runs under: this process's own, except that Postgres refuses
//! to run as root.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::containers::base::StartError;

/// An account to switch to, or `None` to stay as we are.
pub(super) struct Account(Option<Ids>);

#[derive(Clone, Copy)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    /// Our own; for root that of `postgres`, else `nobody`.
    pub(super) fn for_servers() -> Result<Self, StartError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let read = fs::read_to_string("/etc/passwd");
        let accounts = read.map_err(StartError::io("read /etc/passwd"))?;
        let ids = ["postgres", "nobody"].iter().find_map(|name| ids_of(name, &accounts));
        let missing = || std::io::Error::other("there is no user `postgres` or `nobody`");
        let ids = ids.ok_or_else(missing);
        ids.map(|ids| Self(Some(ids))).map_err(StartError::io("run a server as root"))
    }

    /// Makes the command run under this account.
    pub(super) fn assume(&self, command: &mut Command) {
        if let Some(Ids { user, group }) = self.0 {
            command.uid(user).gid(group);
        }
    }

    /// Creates a folder that only this account can enter.
    pub(super) fn create_folder(&self, path: &Path) -> Result<(), StartError> {
        let create = || {
            fs::create_dir(path)?;
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
            self.give(path)
        };
        create().map_err(StartError::io(format!("create {}", path.display())))
    }

    /// Creates or overwrites a file of this account and leaves it open.
    pub(super) fn write_file(&self, path: &Path, text: &str) -> Result<File, StartError> {
        let write = || {
            let mut file = File::create(path)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            self.give(path)?;
            Ok(file)
        };
        write().map_err(StartError::io(format!("write {}", path.display())))
    }

    fn give(&self, path: &Path) -> std::io::Result<()> {
        match self.0 {
            Some(Ids { user, group }) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

fn ids_of(name: &str, passwd: &str) -> Option<Ids> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(Ids { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}
