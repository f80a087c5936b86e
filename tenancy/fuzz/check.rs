//! What must hold for any stored bytes; the fuzz target and the replay of its corpus both call it.

use tenancy::envelope::{Cell, Place, ValueKey, open, parse};
use tenancy::sealed::Column;

/// The key of the documented vectors: 0, 1, 2 … 31.
fn key() -> [u8; 32] {
    let mut next = 0;
    [0; 32].map(|_: u8| {
        next += 1;
        next - 1
    })
}

/// Reads `bytes` as the first documented vector's place would. Only that vector's own bytes open there.
pub(super) fn envelope(bytes: &[u8]) {
    let Ok(parsed) = parse(bytes) else { return };
    let place = Place {
        cell: Cell::of("ap-south-1".parse().expect("a region")).expect("a region with a number"),
        tenant: [0x11; 16],
        column: Column::new(16, 1),
        row: [0x22; 16],
        subject: [0x33; 16],
    };
    assert!(
        open(&ValueKey::new(&[0x5a; 32]), &place, &parsed).is_err(),
        "opened under a key that never sealed"
    );
    if let Ok(text) = open(&ValueKey::new(&key()), &place, &parsed) {
        // Only the two documented values of this place open, and they say what was sealed.
        assert!([8, 32].contains(&text.len()), "opened to {} bytes", text.len());
    }
}
