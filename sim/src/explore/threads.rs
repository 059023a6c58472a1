//! The same work on several threads.

/// What each thread makes of its share. The calling thread is the first.
pub(super) fn on_threads<T: Send>(threads: usize, work: impl Fn(bool) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| work(false))).collect();
        let mine = work(true);
        // A thread that panicked has found a programmer's mistake, and it shall be seen.
        let others = others.into_iter().map(|other| match other.join() {
            Ok(share) => share,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(mine).chain(others).collect()
    })
}
