//! Following orders live: what a stream shows, and the one task of an instance that feeds its streams.

mod feed;
mod follower;
mod update;

pub use feed::serve;
pub use follower::Follower;
pub use update::{StreamedEvent, current_state};
