"""Changes to the manifests that would open a way between regions, or weaken what guards a pod, each with the rule that must find it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    old: str
    new: str
    rule: str
    overlay: str = "in"

    def apply(self, tree: Path):
        path = tree / self.file
        text = path.read_text()
        if self.old not in text:
            raise AssertionError(f"{self.name}: {self.file} no longer holds {self.old!r}")
        path.write_text(text.replace(self.old, self.new, 1))


INDIA = "overlays/in/network.yaml"
MUTATIONS = [
    Mutation("Indian backends may reach the US region's network", INDIA, "- to: [{ipBlock: {cidr: 10.11.0.0/16}}]", "- to: [{ipBlock: {cidr: 10.10.0.0/16}}]", "way-out"),
    Mutation("Indian backends may reach US front doors", INDIA, "podSelector: {matchLabels: {app.kubernetes.io/component: front-door}}\n  policyTypes: [Ingress, Egress]",
             "podSelector: {matchLabels: {app.kubernetes.io/component: backend}}\n  policyTypes: [Ingress, Egress]", "way-out"),
    Mutation("every pod may reach US front doors", INDIA, "podSelector: {matchLabels: {app.kubernetes.io/component: front-door}}\n  policyTypes: [Ingress, Egress]",
             "podSelector: {}\n  policyTypes: [Ingress, Egress]", "way-out"),
    Mutation("pods may connect anywhere", INDIA, "cidr: 10.11.0.0/16}}]\n      ports: [{port: 5432", "cidr: 0.0.0.0/0}}]\n      ports: [{port: 5432", "way-out"),
    Mutation("a rule without a destination", "base/network.yaml", "    - to: [{podSelector: {matchLabels: {app.kubernetes.io/component: backend}}}]\n      ports",
             "    - ports", "way-out"),
    Mutation("a whole network listed as another region's doors", INDIA, "doors: 198.51.100.11/32", "doors: 198.51.0.0/16", "way-out"),
    Mutation("nothing denied by default", "base/network.yaml", "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n", "  podSelector: {}\n  policyTypes: [Ingress]\n", "deny-all"),
    Mutation("the API server takes any policy", "base/kustomization.yaml", "  - admission.yaml\n", "", "admission"),
    Mutation("the range of another region", INDIA, "range: 10.11.0.0/16", "range: 10.10.0.0/16", "range"),
    Mutation("an Indian backend told the US key", "overlays/in/backend.toml", "arn:aws:kms:ap-south-1:222222222223", "arn:aws:kms:us-east-1:222222222223", "other-region"),
    Mutation("an Indian worker told a bucket of the US account", "overlays/in/worker.toml", "documents-222222222223", "documents-111111111113", "other-account"),
    Mutation("images pulled from the US", "overlays/in/kustomization.yaml", "dkr.ecr.ap-south-1", "dkr.ecr.us-east-1", "other-region"),
    Mutation("secrets that fail over to the US", "overlays/in/secrets.yaml", "    usePodIdentity", "    failoverRegion: us-west-2\n    usePodIdentity", "secret-elsewhere"),
    Mutation("a front door with the database's password", "overlays/in/secrets.yaml", "objectName: domicile/in/front-door/route-keys", "objectName: domicile/in/backend/database", "secret"),
    Mutation("a secret that Terraform never made", "overlays/in/secrets.yaml", "domicile/in/worker/mail", "domicile/in/worker/post", "secret"),
    Mutation("a drill with the worker's password", "overlays/in/secrets.yaml", "domicile/in/audit-verify/database", "domicile/in/worker/database", "secret"),
    Mutation("a restore drill with a way to the databases", INDIA, "ports: [{port: 443, protocol: TCP}]\n", "ports: [{port: 443, protocol: TCP}, {port: 5432, protocol: TCP}]\n", "drill"),
    Mutation("a restore drill with secrets of the region", "base/drills.yaml", "        - name: scratch\n              emptyDir: {medium: Memory, sizeLimit: 2Gi}",
             "        - name: scratch\n              csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: worker}}", "drill"),
    Mutation("no drills", "base/kustomization.yaml", "  - drills.yaml\n", "", "drill"),
    Mutation("a shard whose log nobody checks", "overlays/in/kustomization.yaml", "  - ../../shards/1\n", "", "shard"),
    Mutation("a shard's job that checks another one", "shards/1/kustomization.yaml", "--shard=1", "--shard=2", "shard"),
    Mutation("a log that is not compared with its rows", "audit-verify/audit-verify.yaml", "/copy/log, --rows]", "/copy/log]", "shard"),
    Mutation("a shard that one role alone is told of", "overlays/in/worker.toml", "[[regional.shards]]\nid = 1\n", "[[regional.shards]]\nid = 2\n", "shard"),
    Mutation("drills that nobody hears of", "control/kustomization.yaml", "  - ../drill-rules\n", "", "drill", overlay="control"),
    Mutation("backups of India put into the US", "overlays/in/kustomization.yaml", "bucket=domicile-prod-in-key-store-backups-222222222223", "bucket=domicile-prod-us-key-store-backups-111111111113", "other-account"),
    Mutation("an init container's image by its tag", "overlays/in/kustomization.yaml", "digest: sha256:" + "2" * 64, "newTag: latest", "image"),
    Mutation("a service on the internet", "base/backend.yaml", "  clusterIP: set-by-the-overlay\n", "  type: LoadBalancer\n  clusterIP: set-by-the-overlay\n", "exposed"),
    Mutation("pods on their node's network", "base/backend.yaml", "      enableServiceLinks: false\n", "      enableServiceLinks: false\n      hostNetwork: true\n", "exposed"),
    Mutation("a writable file system", "base/worker.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "privilege"),
    Mutation("an update that takes pods away first", "base/front-door.yaml", "maxUnavailable: 0, maxSurge: 1", "maxUnavailable: 1, maxSurge: 0", "rolling"),
    Mutation("a pod killed while it drains", "base/front-door.yaml", "terminationGracePeriodSeconds: 75", "terminationGracePeriodSeconds: 30", "rolling"),
    Mutation("readiness that asks whether it lives", "base/backend.yaml", "readinessProbe: {httpGet: {path: /readyz", "readinessProbe: {httpGet: {path: /healthz", "probes"),
    Mutation("all pods in one zone", "base/backend.yaml", "topologyKey: topology.kubernetes.io/zone", "topologyKey: kubernetes.io/arch", "zones"),
    Mutation("an account without a role", "base/worker.yaml", "serviceAccountName: worker", "serviceAccountName: default", "account"),
    Mutation("no budget for a drained node", "base/kustomization.yaml", "  - disruption.yaml\n", "", "guard"),
    Mutation("an image by its tag", "overlays/in/kustomization.yaml", "digest: sha256:" + "0" * 64, "newTag: latest", "image"),
    Mutation("the control plane may reach a region", "overlays/control/network.yaml", "- to: [{ipBlock: {cidr: 10.19.0.0/16}}]", "- to: [{ipBlock: {cidr: 10.11.0.0/16}}]", "way-out",
             overlay="control"),
]
