//! What a host does for a component, shown by a probe that runs in it.
//!
//! The host is driven as a user drives it, by its command line: the stand-in (`STANDIN` names the
//! binary), or a real `spin` where `HOST=spin`. Both must give the same answers.

mod app;
mod http;
mod instances;
mod postgres;
mod process;
mod redis;
mod start;
mod upstream;
