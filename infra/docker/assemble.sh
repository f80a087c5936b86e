#!/bin/sh
# Lays out the root of the image: the program, the shared objects it asks for, certificates, one user. Nothing else, so no shell.
# usage: assemble.sh PROGRAM ROOT
set -eu
program=${1:?usage: assemble.sh PROGRAM ROOT}
root=${2:?usage: assemble.sh PROGRAM ROOT}
uid=65532

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/etc/domicile" "$root/var/lib/domicile" "$root/tmp"
cp "$program" "$root/usr/bin/domicile"
strip --strip-all "$root/usr/bin/domicile"
chmod 0555 "$root/usr/bin/domicile"

# ldd names each object with its path, and the loader by its path alone. A missing one must end the build.
ldd "$program" > "$root/tmp/objects"
if grep 'not found' "$root/tmp/objects"; then
  echo "assemble.sh: a shared object is missing" >&2
  exit 1
fi
sed -n -e 's/.*=> \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' "$root/tmp/objects" | while read -r object; do
  mkdir -p "$root$(dirname "$object")"
  cp -L "$object" "$root$object"
  chmod 0555 "$root$object"
done
rm "$root/tmp/objects"

# Names are resolved by the C library, which reads this file; it holds the modules for both words itself.
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
echo "domicile:x:$uid:$uid::/var/lib/domicile:/nonexistent" > "$root/etc/passwd"
echo "domicile:x:$uid:" > "$root/etc/group"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
chmod 0755 "$root" "$root/etc" "$root/usr" "$root/usr/bin"
