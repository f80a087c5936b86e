#!/usr/bin/env bash
# Brings one place (us, in, control: a folder of k8s/overlays) to one image, or back to the one before. The same command for a person and for a pipeline.
# usage: infra/deploy.sh --print PLACE DIGEST    what would be applied, without a cluster
#        infra/deploy.sh PLACE DIGEST            migrate, then roll each role; stops at the first that does not become ready
#        infra/deploy.sh --roll-back PLACE       each role back to its last version; the schema stays, both versions work on it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
kubectl=${KUBECTL:-kubectl}
ready_within=600s

usage() {
  sed -n '2,5p' deploy.sh >&2
  exit 2
}

what=deploy
case ${1:-} in --print | --roll-back) what=${1#--} && shift ;; esac
place=${1:-}
digest=${2:-}
[[ $place =~ ^[a-z]{2,8}$ && -f k8s/overlays/$place/kustomization.yaml ]] || usage
case $place in
  control) roles=(control) ;;
  *) roles=(backend worker front-door) ;;
esac

if [ "$what" = roll-back ]; then
  # What takes requests first goes back first, so that no new front door speaks to an old backend for long.
  for ((i = ${#roles[@]} - 1; i >= 0; i--)); do
    "$kubectl" --context "domicile-$place" --namespace domicile rollout undo "deployment/${roles[i]}"
    "$kubectl" --context "domicile-$place" --namespace domicile rollout status "deployment/${roles[i]}" --timeout "$ready_within"
  done
  exit
fi

[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || usage
# The digest is the only thing a deployment changes; the tree itself stays as it was reviewed.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R k8s "$folder"
sed -i.before "s/digest: sha256:0\{64\}/digest: $digest/" "$folder/k8s/overlays/$place/kustomization.yaml"
"$kubectl" kustomize "$folder/k8s/overlays/$place" > "$folder/all.yaml"
grep -q "@$digest" "$folder/all.yaml" || { echo "deploy.sh: the overlay does not take the digest" >&2 && exit 1; }
if [ "$what" = print ]; then
  cat "$folder/all.yaml"
  exit
fi

k() { "$kubectl" --context "domicile-$place" --namespace domicile "$@"; }
# A context of another place must not be taken for this one: the cluster itself says where it is.
region=$(sed -n 's/.*dkr\.ecr\.\([a-z0-9-]*\)\.amazonaws.*/\1/p' "k8s/overlays/$place/kustomization.yaml" | head -1)
nodes=$(k get nodes --output 'jsonpath={.items[*].metadata.labels.topology\.kubernetes\.io/region}')
for node in $nodes; do
  [ "$node" = "$region" ] || { echo "deploy.sh: the context domicile-$place leads to $node, not $region" >&2 && exit 1; }
done
# All but the workloads first; then the schema, which the running version works on as well; then role by role.
k apply --server-side --selector 'app.kubernetes.io/component notin (front-door,backend,worker,control,migrate)' --filename "$folder/all.yaml"
k delete job migrate --ignore-not-found --wait
k apply --server-side --selector app.kubernetes.io/component=migrate --filename "$folder/all.yaml"
k wait --for condition=complete job/migrate --timeout 3600s
for role in "${roles[@]}"; do
  k apply --server-side --selector "app.kubernetes.io/component=$role" --filename "$folder/all.yaml"
  k rollout status "deployment/$role" --timeout "$ready_within"
done
