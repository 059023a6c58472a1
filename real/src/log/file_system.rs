//! Which file systems a decision log may be kept on.
//!
//! The log's promises rest on names that are created once whoever tries, on locks that end with
//! their process, and on a sync that means the medium. File systems that are shared over a
//! network give some of that sometimes. Known by their number, as statfs(2) has it; Linux only,
//! for elsewhere there are no such numbers. Absent: how a disk below it is attached.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// What can be said of a file system by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fitness {
    /// It keeps less than the log needs.
    Network(&'static str),
    /// It depends on what is behind it.
    Unclear(&'static str),
    /// Nothing is known against it.
    Local,
}

/// By the numbers of `linux/magic.h`.
const fn fitness(magic: u32) -> Fitness {
    match magic {
        0x6969 => Fitness::Network("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Fitness::Network("SMB"),
        0x5346_414f | 0x6b41_4653 => Fitness::Network("AFS"),
        0x7375_7245 => Fitness::Network("Coda"),
        0x0102_1997 => Fitness::Unclear("9P"),
        0x6573_5546 => Fitness::Unclear("FUSE"),
        0x00c3_6400 => Fitness::Unclear("Ceph"),
        _ => Fitness::Local,
    }
}

/// What the file system of an open directory is.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn found(directory: impl AsFd) -> io::Result<Fitness> {
    // The type is signed on some machines and wider on others; the numbers have 32 bits on all.
    let number = i128::from(rustix::fs::fstatfs(directory)?.f_type) & i128::from(u32::MAX);
    Ok(u32::try_from(number).map_or(Fitness::Local, fitness))
}

/// What the file system of an open directory is.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn found(_directory: impl AsFd) -> io::Result<Fitness> {
    Ok(Fitness::Local)
}

/// Refuses a network file system, unless it is allowed, and warns of what it cannot judge.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] if it is refused.
pub(super) fn admit(found: Fitness, path: &Path, network_allowed: bool) -> io::Result<()> {
    let path = path.display();
    match found {
        Fitness::Network(kind) if !network_allowed => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "{path} is on a network file system ({kind}), whose locks and caches do not keep decisions safe: put \
                 it on a local disk, or on a block device that one machine has attached; if you know that only one \
                 machine ever uses it and that a sync there reaches the medium, say so with \
                 Directory::allow_network_file_system"
            ),
        )),
        Fitness::Network(kind) => {
            tracing::warn!(%path, kind, "the decision log is on a network file system, as it was allowed to be");
            Ok(())
        }
        Fitness::Unclear(kind) => {
            tracing::warn!(
                %path,
                kind,
                "whether decisions are safe on this file system depends on what is behind it: it must sync to the \
                 medium, and only one machine may use it"
            );
            Ok(())
        }
        Fitness::Local => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_is_refused_unless_it_is_allowed() {
        let path = Path::new("/mnt/decisions");
        for (magic, kind) in [(0x6969, "NFS"), (0xff53_4d42, "SMB"), (0xfe53_4d42, "SMB")] {
            let refused = admit(fitness(magic), path, false).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
            let text = refused.to_string();
            for told in ["/mnt/decisions", kind, "local disk", "allow_network_file_system"] {
                assert!(text.contains(told), "{text}");
            }
            admit(fitness(magic), path, true).unwrap();
        }
    }

    #[test]
    fn local_ones_and_those_of_containers_are_not() {
        // ext4, xfs, btrfs, overlayfs, tmpfs, zfs, f2fs.
        let local =
            [0xef53, 0x5846_5342, 0x9123_683e, 0x794c_7630, 0x0102_1994, 0x2fc1_2fc1, 0xf2f5_2010];
        for magic in local {
            assert_eq!(fitness(magic), Fitness::Local, "{magic:x}");
        }
        for magic in [0x0102_1997, 0x6573_5546, 0x00c3_6400] {
            assert!(admit(fitness(magic), Path::new("/x"), false).is_ok(), "{magic:x}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_is_asked() {
        let proc = std::fs::File::open("/proc").unwrap();
        let number = i128::from(rustix::fs::fstatfs(&proc).unwrap().f_type);
        assert_eq!(number, i128::from(rustix::fs::PROC_SUPER_MAGIC));
        assert_eq!(found(&proc).unwrap(), Fitness::Local);
    }
}
