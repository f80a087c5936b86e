#!/bin/sh
# Puts the newest backup of a region's key store into a PostgreSQL of its own, which listens to nobody else and is gone afterwards. So it is
# known that a backup opens, is whole and takes the erasure ledger. The region's own key store is not touched.
# usage: restore-drill.sh WORKER.toml BACKUPS SCRATCH     SCRATCH is an empty folder, in memory where that can be
set -eu
config=${1:?usage: restore-drill.sh WORKER.toml BACKUPS SCRATCH}
backups=${2:?usage: restore-drill.sh WORKER.toml BACKUPS SCRATCH}
scratch=${3:?usage: restore-drill.sh WORKER.toml BACKUPS SCRATCH}
port=${DRILL_PORT:-54329}
# A backup is made each night; one that is older says that the nights' backups do not arrive.
age_max_s=172800
here=$(cd "$(dirname "$0")" && pwd)
bootstrap=$here/bootstrap
[ -d "$bootstrap" ] || bootstrap=$here/../../migrations/bootstrap

fail() {
  echo "restore-drill.sh: $1" >&2
  exit 1
}

# Week and milliseconds have always as many digits, so the last name is the newest.
newest=$(find "$backups" -name 'keystore-*-*.hcb' | sort | tail -n 1)
[ -n "$newest" ] || fail "there is no backup in $backups"
made_ms=${newest##*-}
age_s=$(($(date +%s) - ${made_ms%.hcb} / 1000))
[ "$age_s" -lt "$age_max_s" ] || fail "the newest backup, ${newest##*/}, is $((age_s / 3600)) hours old"
[ -z "$(ls -A "$scratch")" ] || fail "$scratch is not empty"

# PostgreSQL refuses to run as root. Nobody is somebody else, and needs no more than the folder.
as=
if [ "$(id -u)" = 0 ]; then
  as="setpriv --reuid=65534 --regid=65534 --clear-groups"
  chown 65534:65534 "$scratch"
fi
end() {
  $as pg_ctl --pgdata "$scratch/data" --mode immediate --silent stop || true
  rm -rf "${scratch:?}"/*
}
trap end EXIT
umask 077
cd "$scratch"

key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
# shellcheck disable=SC2086
openssl req -x509 $key -days 2 -subj /CN=drill -keyout ca.key -out ca.crt 2> openssl.log
# shellcheck disable=SC2086
openssl req -new $key -subj /CN=localhost -keyout server.key -out server.csr 2>> openssl.log
printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n' > server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt 2>> openssl.log
openssl rand -hex 24 > password
password=$(cat password)
[ -z "$as" ] || chown 65534:65534 server.key server.crt

$as initdb --pgdata data --username postgres --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --no-locale --no-sync > initdb.log
{
  echo "listen_addresses = 'localhost'"
  echo "port = $port"
  echo "unix_socket_directories = '$scratch'"
  echo "ssl = on"
  echo "ssl_cert_file = '$scratch/server.crt'"
  echo "ssl_key_file = '$scratch/server.key'"
  echo "fsync = off"
} >> data/postgresql.conf
$as pg_ctl --pgdata data --wait --silent --log "$scratch/postgres.log" start || fail "PostgreSQL did not start: $(tail -n 3 postgres.log)"

as_superuser() {
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --host "$scratch" --port "$port" --username postgres --dbname "$1"
}
sed -e "s/{{app_verifier}}/$password/" -e "s/{{migrator_verifier}}/$password/" "$bootstrap/cluster.sql" | as_superuser postgres
for database in keys shard; do
  echo "CREATE DATABASE $database OWNER domicile_owner" | as_superuser postgres
  sed "s/{{database}}/$database/" "$bootstrap/database.sql" | as_superuser "$database"
done

# The region's configuration with other databases: every line that could lead to one of its own is replaced. One shard, empty, is enough
# for what migrates a region.
awk -v scratch="$scratch" -v port="$port" '
  /^[ \t]*\[/ { section = $0; shards += section ~ /regional\.shards\]/ }
  section ~ /regional\.shards\]/ && shards > 1 { next }
  section ~ /\[(regional\.(shards|key_store)|migrator)\]/ {
    if ($1 == "host") { print "host = \"localhost\""; next }
    if ($1 == "port") { print "port = " port; next }
    if ($1 == "database") { print "database = \"" (section ~ /key_store/ ? "keys" : "shard") "\""; next }
    if ($1 == "password_file") { print "password_file = \"" scratch "/password\""; next }
    if ($1 == "ca") { print "ca = \"" scratch "/ca.crt\""; next }
  }
  { print }
' "$config" > drill.toml
[ "$(grep -c '^host = "localhost"$' drill.toml)" = 2 ] || fail "$config names no shard or no key store, or not in sections of their own"

domicile migrate --config drill.toml region
domicile admin --config drill.toml keystore restore --from "$newest"
