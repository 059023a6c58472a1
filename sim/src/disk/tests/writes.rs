//! What single writes come to.

use indoubt_real::log::Storage;
use madsim::runtime::Runtime;

use crate::disk::{DiskFaults, DiskLatency, SimDisk};

#[test]
fn nothing_is_not_written_by_half() {
    Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
        let disk = SimDisk::new(1, 1, DiskLatency::default());
        let mount = disk.mount();
        let file = mount.create("file").await.expect("a new name");
        disk.set_faults(DiskFaults { short_write: 1_000, ..DiskFaults::default() });
        assert!(mount.append(&file, b"something".to_vec()).await.is_err());
        assert!(mount.append(&file, Vec::new()).await.is_ok());
    });
}
