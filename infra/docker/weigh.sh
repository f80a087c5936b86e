#!/bin/sh
# Says how many bytes an image's files take, unpacked, and fails where they are more than its nodes should have to pull.
# usage: weigh.sh IMAGE
set -eu
image=${1:?usage: weigh.sh IMAGE}
limit_bytes=40000000
container=$(docker create "$image")
bytes=$(docker export "$container" | wc -c)
docker rm "$container" > /dev/null
echo "$image: $bytes bytes of $limit_bytes"
[ "$bytes" -gt 0 ] && [ "$bytes" -le "$limit_bytes" ]
