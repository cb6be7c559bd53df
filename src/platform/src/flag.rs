//! A flag that one task of an instance raises at a time, and that is lowered however the task ends.

use std::sync::atomic::{AtomicBool, Ordering};

pub struct Raised<'f>(&'f AtomicBool);

impl<'f> Raised<'f> {
    /// Raises the flag; none when somebody has raised it already.
    pub fn raise(flag: &'f AtomicBool) -> Option<Self> {
        (!flag.swap(true, Ordering::Relaxed)).then(|| Self(flag))
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
