//! What benchmarks of the store share: clocks, medians, and what Linux says of memory.

use std::time::{Duration, Instant};

/// How long it takes, and what comes out.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let output = run();
    (start.elapsed(), output)
}

/// The one in the middle.
pub(crate) fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    *values.get(values.len() / 2).expect("a round")
}

/// Both sides' medians, and the median of the rounds' ratios: the two sides of a round come one after the other, so that
/// what slows the machine down for a while slows down both.
pub(crate) fn ratio(
    ours: &mut [Duration],
    theirs: &mut [Duration],
) -> (Duration, Duration, String) {
    let mut ratios: Vec<_> = ours
        .iter()
        .zip(&*theirs)
        .map(|(ours, theirs)| ours.as_nanos() * 100 / theirs.as_nanos().max(1))
        .collect();
    let percent = median(&mut ratios);
    let ratio = format!("{}.{:02}", percent / 100, percent % 100);
    (median(ours), median(theirs), ratio)
}

/// A line of what Linux says of this process, in kB; 0 elsewhere.
pub(crate) fn memory_kb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or_default()
}
