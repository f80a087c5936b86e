#!/usr/bin/env bash
# Stands in for rustdoc where cargo would run a library's doctests (`cargo test --doc`) and documents the library instead. It is
# called with all that the tests were built from; `cargo doc` would first read every dependency once more.
set -euo pipefail
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --test) ;;
    --test-run-directory) shift ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
# Private items are documented for those who work on them, so a link to one is right.
exec rustdoc "${arguments[@]}" --document-private-items -D warnings -A rustdoc::private-intra-doc-links \
  --out-dir "${RUSTDOC_OUT:?where the documents go}"
