//! On a real file system: what is kept, and what an operator is told.

use std::path::{Path, PathBuf};

use super::*;

/// A directory that is removed at the end of its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("indoubt-{test}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("decisions")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open(path: &Path) -> Result<FileLog<Directory>, OpenError> {
    FileLog::open(Directory::new(path).unwrap(), coordinator(), Options::default()).await
}

fn decided(log: &FileLog<Directory>, sequence: u64) -> Arc<Commit> {
    let gid = Gid { lineage: log.lineage(), ..gid(log.epoch(), sequence) };
    let branches = decision(1, 1).branches.clone();
    Arc::new(Commit { gid, branches })
}

#[test]
fn a_real_directory_keeps_what_was_decided() {
    let place = Temporary::new("keeps");
    block_on(async {
        let log = open(&place.log()).await.unwrap();
        assert!(matches!(open(&place.log()).await, Err(OpenError::AlreadyOpen)));
        let decisions: Vec<_> = (1..=100).map(|sequence| decided(&log, sequence)).collect();
        for result in join_all(decisions.iter().map(|commit| log.force(commit))).await {
            result.unwrap();
        }
        let lineage = log.lineage();
        drop(log);
        let log = open(&place.log()).await.unwrap();
        assert_eq!(log.epoch(), 2);
        assert_eq!(log.unfinished().await.unwrap(), decisions);
        assert_eq!(log.lineage().log, lineage.log);
        assert_ne!(log.lineage().opening, lineage.opening);
    });
}

#[test]
fn real_directories_and_copies_of_one_have_lineages_of_their_own() {
    let (one, two) = (Temporary::new("one"), Temporary::new("two"));
    block_on(async {
        let (first, second) = (open(&one.log()).await.unwrap(), open(&two.log()).await.unwrap());
        assert_ne!(first.lineage().log, second.lineage().log);
        drop(first);
        let copy = one.0.join("copy");
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(one.log().join("decisions.1"), copy.join("decisions.1")).unwrap();
        let (first, copy) = (open(&one.log()).await.unwrap(), open(&copy).await.unwrap());
        assert_eq!(first.epoch(), copy.epoch());
        assert_eq!(first.lineage().log, copy.lineage().log);
        assert_ne!(first.lineage().opening, copy.lineage().opening);
    });
}

#[test]
fn a_missing_parent_is_named_and_not_created() {
    let place = Temporary::new("parent");
    let path = place.0.join("volume").join("decisions");
    let error = block_on(open(&path)).unwrap_err().to_string();
    let parent = path.parent().unwrap();
    let told = format!(
        "{}: its parent directory {} is not there: see that its volume is mounted, or create it",
        path.display(),
        parent.display()
    );
    assert!(error.contains(&told), "{error}");
    assert!(!parent.exists());
}

#[test]
fn every_error_of_a_file_names_its_path_and_says_it_once() {
    let place = Temporary::new("paths");
    let path = place.log().display().to_string();
    block_on(async {
        // A file where the directory should be.
        std::fs::write(place.log(), b"").unwrap();
        let error = open(&place.log()).await.unwrap_err();
        let chain = format!("{:#}", anyhow::Error::from(error));
        assert!(chain.contains(&path), "{chain}");
        assert_eq!(chain.matches("Not a directory").count(), 1, "{chain}");
        std::fs::remove_file(place.log()).unwrap();

        // A directory where a file should be.
        drop(open(&place.log()).await.unwrap());
        std::fs::remove_file(place.log().join("decisions.1")).unwrap();
        std::fs::create_dir(place.log().join("decisions.1")).unwrap();
        let error = open(&place.log()).await.unwrap_err().to_string();
        assert!(error.contains(&format!("{path}/decisions.1: ")), "{error}");
        std::fs::remove_dir_all(place.log()).unwrap();

        // Later, too.
        let log = open(&place.log()).await.unwrap();
        std::fs::remove_dir_all(place.log()).unwrap();
        let error = log.force(&decided(&log, 1)).await.unwrap_err().to_string();
        assert!(error.contains(&path), "{error}");
    });
}

/// Moved away under a running log, with another in its place, which a successor would open.
#[test]
fn another_directory_in_the_place_of_the_log_is_noticed() {
    let place = Temporary::new("moved");
    block_on(async {
        let log = open(&place.log()).await.unwrap();
        log.force(&decided(&log, 1)).await.unwrap();
        std::fs::rename(place.log(), place.0.join("moved")).unwrap();
        std::fs::create_dir(place.log()).unwrap();
        let error = log.force(&decided(&log, 2)).await.unwrap_err().to_string();
        assert!(error.contains("is no longer the directory"), "{error}");
        // Put back, it goes on, and knows what became of that one.
        std::fs::remove_dir(place.log()).unwrap();
        std::fs::rename(place.0.join("moved"), place.log()).unwrap();
        let both = [decided(&log, 1), decided(&log, 2)];
        assert_eq!(log.unfinished().await.unwrap(), both);
        log.force(&decided(&log, 3)).await.unwrap();
    });
}

#[test]
fn a_storage_that_says_it_is_unfit_is_refused_with_its_reason() {
    block_on(async {
        let disk = Memory::default();
        disk.state().unfit = Some("it is on a network file system");
        let error = refusal(&disk).await;
        assert!(matches!(error, OpenError::Unfit { .. }), "{error}");
        assert!(error.to_string().ends_with("it is on a network file system"), "{error}");
        assert!(disk.names().is_empty());
    });
}
