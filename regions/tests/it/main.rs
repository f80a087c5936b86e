//! The crate's one integration test binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should fail where it stands"
)]

mod control;
mod directory;
mod feed;
mod front_door_behind;
mod front_door_floods;
mod front_door_foreign;
mod front_door_limits;
#[cfg(target_os = "linux")]
mod front_door_memory;
mod front_door_pages;
mod front_door_restart;
mod front_door_routing;
mod front_door_slow;
mod front_door_smuggling;
mod front_door_streams;
mod front_door_traces;
mod front_door_websocket;
mod front_door_world;
mod rules;
