#!/usr/bin/env bash
# Builds the image once and puts it into the registries of the places named, each in its own region and account; prints its digest.
# usage: infra/publish.sh [--keeper] REPOSITORY...      (as `terraform output region` names them; logged in to each already)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=domicile
# The image of the key store's backups and drills, which deployments do not change.
if [ "${1:-}" = --keeper ]; then target=keeper && shift; fi
[ $# -gt 0 ] || { sed -n '3p' infra/publish.sh >&2 && exit 2; }
tag=$(git rev-parse --short=12 HEAD)
docker buildx build --platform linux/arm64 --file infra/docker/Dockerfile --target "$target" --tag "$target":"$tag" --load .
for repository in "$@"; do
  docker tag "$target":"$tag" "$repository:$tag"
  docker push --quiet "$repository:$tag" >&2
  docker inspect --format '{{index .RepoDigests 0}}' "$repository:$tag"
done
