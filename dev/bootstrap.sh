#!/usr/bin/env bash
# What must run before xtask exists: find cargo and a C compiler, build xtask and the binaries it starts, hand over.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command=${1:?usage: dev/bootstrap.sh COMMAND [ARGUMENT...]}

stop() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    stop "A C compiler is missing and this user may not install one (no sudo). As root: apt-get install build-essential curl"
  fi
}

if ! command -v cargo >/dev/null 2>&1; then
  [ -x "$HOME/.cargo/bin/cargo" ] || stop "Rust is missing. Install it with rustup (https://rustup.rs), open a new shell, then run this again."
  export PATH="$HOME/.cargo/bin:$PATH"
fi

if ! command -v cc >/dev/null 2>&1; then
  if command -v apt-get >/dev/null 2>&1; then
    echo "A C compiler is missing: installing build-essential and curl with apt-get."
    as_root apt-get update -qq || stop "apt-get update failed. Look at the lines above; is the network reachable?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq build-essential curl ca-certificates \
      || stop "apt-get could not install build-essential and curl. Look at the lines above."
  elif [ "$(uname)" = Darwin ]; then
    stop "A C compiler is missing. Run: xcode-select --install"
  else
    stop "A C compiler is missing and there is no apt-get or brew here. Install gcc or clang (command cc), then run this again."
  fi
fi

target=$(cargo metadata --format-version 1 --no-deps --offline | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')

# Looking at a stack and stopping it work even while the code does not compile; a code is asked for too often to build first.
case $command in
  down | reset | status | logs | code) [ -x "$target/debug/xtask" ] && exec "$target/debug/xtask" "$@" ;;
esac

# The tests' own program is enough for the tests: it builds the rest, while checks that are not Rust run beside it. Nothing is built
# twice: what is built first is a part of the whole workspace, with its features, and by clippy's compiler as the rest of it is
# (`with_clippy` in dev/xtask/src/test/mod.rs).
case $command in
  test)
    what=(--bin xtask)
    compiler=(env RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__)
    ;;
  *)
    what=(--bins)
    compiler=(env)
    ;;
esac
"${compiler[@]}" cargo build --locked --workspace "${what[@]}" || stop "The build failed; the compiler's messages are above."
exec "$target/debug/xtask" "$@"
