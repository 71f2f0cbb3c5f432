//! Progress on a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;

/// A bar for input of this many bytes, or of nobody knows how many; hidden where nobody would see it.
pub(super) fn of_bytes(output: &Output, length: Option<u64>) -> ProgressBar {
    match length {
        Some(length) => bar(
            output,
            ProgressBar::new(length),
            "{bar:30} {bytes} of {total_bytes}  {msg}  {eta} left",
        ),
        None => bar(
            output,
            ProgressBar::new_spinner(),
            "{spinner} {bytes}  {msg}",
        ),
    }
}

/// A bar for this many rows.
pub(super) fn of_rows(output: &Output, rows: u64) -> ProgressBar {
    bar(
        output,
        ProgressBar::new(rows),
        "{bar:30} {human_pos} of {human_len} rows  {eta} left",
    )
}

/// A line for a list of nobody knows how many objects.
pub(super) fn of_list(output: &Output) -> ProgressBar {
    bar(
        output,
        ProgressBar::new_spinner(),
        "{spinner} {prefix}  {msg}",
    )
}

/// A bar for lists, of which more may come.
pub(super) fn of_lists(output: &Output) -> ProgressBar {
    bar(
        output,
        ProgressBar::new(0),
        "{bar:30} {human_pos} of {human_len} lists  {msg}  {elapsed}",
    )
}

/// A line for events, of which nobody knows how many there are.
pub(super) fn of_events(output: &Output) -> ProgressBar {
    bar(
        output,
        ProgressBar::new_spinner(),
        "{spinner} events: {msg}  {elapsed}",
    )
}

/// Several bars, one below the other.
pub(super) fn several(output: &Output) -> MultiProgress {
    let bars = MultiProgress::new();
    if !output.err_is_terminal() {
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
    bars
}

fn bar(output: &Output, bar: ProgressBar, template: &str) -> ProgressBar {
    if !output.err_is_terminal() {
        return ProgressBar::hidden();
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are ours; if one were wrong, the plain bar would show.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
