//! The audit log's format and the rules by which anybody can check it offline: no network, no database, no server.
//!
//! `docs/audit.md` describes every byte, with vectors. The sealer writes with this crate and `audit-verify` reads with
//! it; an independent reader in Python keeps both honest.

mod codec;
mod entry;
mod event;
mod note;
pub mod pack;
mod receipt;
mod tally;
mod tiles;
mod tree;
pub mod verify;

pub use codec::FormatError;
pub use entry::Entry;
pub use event::{EVENT_BYTES_MAX, Event, event_hash};
pub use note::{Checkpoint, NoteError, SignedNote, VerifierKey, sign_text};
pub use receipt::{Receipt, ReceiptError};
pub use tally::{Sum, Tally, UNCERTAIN_MAX};
pub use tiles::{Bundle, TILE_WIDTH, bundle_path, checkpoint_path, tile_path};
pub use tree::{
    Frontier, Hash, consistency_holds, inclusion_proof, inclusion_root, leaf_hash, node_hash, tile_root,
};
