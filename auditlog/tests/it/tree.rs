//! The tree against the definition of RFC 6962 itself, written down recursively and slowly.

use auditlog::{
    Frontier, Hash, consistency_holds, inclusion_proof, inclusion_root, leaf_hash, node_hash, tile_root,
};

/// MTH of RFC 6962 section 2.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Frontier::default().root(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

fn split(length: usize) -> usize {
    length.next_power_of_two() / 2
}

/// PATH of RFC 6962 section 2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of RFC 6962 section 2.1.2.
fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) = if old <= left.len() {
        (subproof(old, left, whole), root(right))
    } else {
        (subproof(old - left.len(), right, false), root(left))
    };
    proof.push(sibling);
    proof
}

#[test]
fn roots_and_proofs_are_those_of_the_definition_at_every_size() {
    let leaves: Vec<Hash> = (0_u64..70).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let mut frontier = Frontier::default();
    for size in 1..=leaves.len() {
        frontier.push(leaves[size - 1]);
        let tree = &leaves[..size];
        let top = root(tree);
        assert_eq!(frontier.root(), top, "size {size}");
        let again = Frontier::from_parts(size as u64, frontier.peaks().to_vec()).unwrap();
        assert_eq!(again, frontier);
        for index in 0..size {
            let proof = path(index, tree);
            let (index, size) = (index as u64, size as u64);
            assert_eq!(inclusion_root(index, size, tree[index as usize], &proof), Some(top));
            assert_ne!(inclusion_root(index, size, leaf_hash(b"another"), &proof), Some(top));
            if size > 1 {
                assert_ne!(inclusion_root(index ^ 1, size, tree[index as usize], &proof), Some(top));
                assert_eq!(inclusion_root(index, size, tree[index as usize], &proof[1..]), None);
            }
        }
        for old in 1..=size {
            let proof = subproof(old, tree, true);
            let pair = ((old as u64, root(&leaves[..old])), (size as u64, top));
            assert!(consistency_holds(pair.0, pair.1, &proof), "{old} to {size}");
            assert!(!consistency_holds((pair.0.0, leaf_hash(b"x")), pair.1, &proof), "{old} to {size}");
            if old < size {
                assert!(!consistency_holds(pair.0, (pair.1.0, leaf_hash(b"x")), &proof));
            }
        }
    }
    assert_eq!(inclusion_root(1, 1, leaves[0], &[]), None);
    assert!(Frontier::from_parts(3, vec![leaves[0]]).is_none());
}

#[test]
fn proofs_from_tiles_are_those_of_the_definition() {
    let leaves: Vec<Hash> = (0_u64..66_300).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let mut levels = vec![leaves.clone()];
    while levels.last().unwrap().len() >= 256 {
        let above = levels.last().unwrap().chunks_exact(256).map(tile_root).collect();
        levels.push(above);
    }
    for size in [1_usize, 2, 255, 256, 257, 600, 65_536, 65_537, 66_300] {
        let tile = |level: u8, n: u64| levels[usize::from(level)].chunks(256).nth(n as usize);
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = inclusion_proof(index as u64, size as u64, tile).unwrap();
            assert_eq!(proof, path(index, &leaves[..size]), "{index} of {size}");
        }
    }
    assert_eq!(inclusion_proof(3, 3, |_, _| None), None);
    assert_eq!(inclusion_proof(0, 3, |_, _| None), None);
}
