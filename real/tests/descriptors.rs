//! A process that has no file descriptor left. In a binary of its own, for the limit is the
//! process's, and so is what has used it up.

use std::fs::File;
use std::sync::Arc;

use futures::executor::block_on;
use indoubt::{Commit, DecisionLog, Entry, Gid};
use indoubt_real::log::{Directory, FileLog, OpenError, Options};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Every descriptor that is to be had.
fn use_up() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn a_decision_needs_no_descriptor_and_a_repair_waits_for_one() {
    let few = Rlimit { current: Some(64), maximum: Some(64) };
    setrlimit(Resource::Nofile, few).unwrap();
    let path = std::env::temp_dir().join(format!("indoubt-descriptors-{}", std::process::id()));
    block_on(async {
        let directory = Directory::new(&path).unwrap();
        let log = FileLog::open(directory, "shop".parse().unwrap(), Options::default());
        let log = log.await.unwrap();
        let commit = |sequence| {
            let (coordinator, epoch) = (log.coordinator().clone(), log.epoch());
            let gid = Gid { coordinator, epoch, sequence, lineage: log.lineage() };
            Arc::new(Commit { gid, branches: vec![] })
        };

        let used_up = use_up();
        assert!(File::open("/dev/null").is_err());
        log.force(&commit(1)).await.unwrap();
        log.force(&commit(2)).await.unwrap();
        assert_eq!(log.read(&commit(3).gid).await.unwrap(), Entry::Absent);
        assert_eq!(log.unfinished().await.unwrap().len(), 2);

        // A file that has to be written anew needs one. Until there is one, nothing is decided,
        // and what is said of it tells where and why.
        std::fs::remove_file(path.join("decisions.1")).unwrap();
        log.force(&commit(3)).await.unwrap_err();
        let error = log.force(&commit(4)).await.unwrap_err().to_string();
        let name = path.join("decisions.1.tmp0").display().to_string();
        for told in [name.as_str(), "file descriptors", "LimitNOFILE"] {
            assert!(error.contains(told), "{error}");
        }

        drop(used_up);
        log.force(&commit(5)).await.unwrap();
        assert_eq!(log.read(&commit(4).gid).await.unwrap(), Entry::Absent);
        let sequences = |found: Vec<Arc<Commit>>| -> Vec<u64> {
            found.iter().map(|commit| commit.gid.sequence).collect()
        };
        assert_eq!(sequences(log.unfinished().await.unwrap()), [1, 2, 3, 5]);
        drop(log);

        let open = || {
            let directory = Directory::new(&path).unwrap();
            FileLog::open(directory, "shop".parse().unwrap(), Options::default())
        };
        let used_up = use_up();
        let error = open().await.unwrap_err();
        assert!(matches!(error, OpenError::Io { .. }), "{error}");
        for told in [&*path.display().to_string(), "LimitNOFILE"] {
            assert!(error.to_string().contains(told), "{error}");
        }
        drop(used_up);
        assert_eq!(sequences(open().await.unwrap().unfinished().await.unwrap()), [1, 2, 3, 5]);
    });
    std::fs::remove_dir_all(&path).unwrap();
}
