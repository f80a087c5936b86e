//! The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1): hashes, growth, inclusion and consistency.

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

fn hash(prefix: u8, parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[prefix]);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash of a leaf: SHA-256 of `00` and the entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    hash(0, &[entry])
}

/// The hash of a node: SHA-256 of `01` and both children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(1, &[left, right])
}

/// The root of a tree that has these hashes as its leaves; of the empty tree for none.
#[must_use]
pub fn tile_root(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in hashes {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The right edge of a growing tree: the roots of its perfect subtrees from the largest to the smallest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves; `None` if the number of peaks does not fit the size.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let fits = usize::try_from(size.count_ones()).is_ok_and(|count| count == peaks.len());
        fits.then_some(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, from the largest to the smallest.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return hash_empty() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

fn hash_empty() -> Hash {
    let mut empty = [0; 32];
    empty.copy_from_slice(aws_lc_rs::digest::digest(&SHA256, b"").as_ref());
    empty
}

/// The root that a leaf at `index` of a tree of `size` gives with `proof` (RFC 9162 section 2.1.3.2); `None` if the proof
/// has not the length it must have.
#[must_use]
pub fn inclusion_root(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last, mut node) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            node = node_hash(sibling, &node);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(node)
}

/// Whether `proof` shows that the tree of `new_size` begins with the tree of `old_size` (RFC 9162 section 2.1.4.2).
#[must_use]
pub fn consistency_holds(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == new_size {
        return old_root == new_root && proof.is_empty();
    }
    if old_size == 0 || old_size > new_size {
        return old_size == 0 && proof.is_empty();
    }
    let mut path = proof.iter().copied();
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let first = if old_size.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut from_old, mut from_new) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            from_old = node_hash(&sibling, &from_old);
            from_new = node_hash(&sibling, &from_new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, &sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && from_old == old_root && from_new == new_root
}

/// The inclusion proof of the leaf at `index` in the tree of `size` (RFC 6962 section 2.1.1), from tiles: `tile(level, n)`
/// gives what there is of a tile. `None` if a tile that is needed is not given or too short.
#[must_use]
pub fn inclusion_proof<'a>(
    index: u64,
    size: u64,
    tile: impl Fn(u8, u64) -> Option<&'a [Hash]>,
) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut first, mut end, mut proof) = (0, size, Vec::new());
    while end - first > 1 {
        let middle = first + (end - first).next_power_of_two() / 2;
        if index < middle {
            proof.push(range_root((middle, end), &tile)?);
            end = middle;
        } else {
            proof.push(range_root((first, middle), &tile)?);
            first = middle;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The root of the leaves from `first` up to `end`, a subtree of some tree.
fn range_root<'a>((first, end): (u64, u64), tile: &impl Fn(u8, u64) -> Option<&'a [Hash]>) -> Option<Hash> {
    let length = end - first;
    if !length.is_power_of_two() {
        let middle = first + length.next_power_of_two() / 2;
        return Some(node_hash(&range_root((first, middle), tile)?, &range_root((middle, end), tile)?));
    }
    let height = length.trailing_zeros();
    let (level, within) = (height / 8, height % 8);
    let place = first >> (8 * level);
    let hashes = tile(u8::try_from(level).ok()?, place / crate::TILE_WIDTH)?;
    let offset = usize::try_from(place % crate::TILE_WIDTH).ok()?;
    Some(tile_root(hashes.get(offset..offset.checked_add(1 << within)?)?))
}
