#!/bin/sh
# Builds the program as it is shipped, into target/release, and links it small.
# Relocations that only add the address where the program was loaded are packed (RELR, a bit each instead of 24 bytes; read by glibc from
# 2.36 on, which bookworm has), and functions that came out identical, as generic code does, are kept once. Both are lld's to do: rustc
# links with its own on x86-64, elsewhere the one that it ships is asked for. Where there is none, the program is linked as always.
# usage: build.sh
set -eu
cd "$(dirname "$0")/../.."
small="-Wl,-z,pack-relative-relocs -Wl,--icf=all"

probe() {
  folder=$(mktemp -d)
  echo 'int main(void) { return 0; }' > "$folder/probe.c"
  linked=0
  cc "$@" -o "$folder/probe" "$folder/probe.c" || linked=1
  rm -rf "$folder"
  return "$linked"
}

case $(uname -sm) in
  "Linux x86_64") ;;
  "Linux "*)
    host=$(rustc -vV | sed -n 's/^host: //p')
    small="-B$(rustc --print sysroot)/lib/rustlib/$host/bin/gcc-ld -fuse-ld=lld $small"
    # shellcheck disable=SC2086 # it is several words
    probe $small || small=
    ;;
  *) small= ;;
esac
set --
for word in $small; do set -- "$@" -C "link-arg=$word"; done
[ $# -gt 0 ] || echo "build.sh: no lld here; the program will be larger" >&2
exec cargo rustc --release --locked --package app --bin domicile -- "$@"
