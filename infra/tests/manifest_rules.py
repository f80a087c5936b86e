"""What must hold of one place's rendered manifests. Each broken rule is a finding with the rule's name."""

import ipaddress
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parent.parent / "terraform"
REGION_NAME = re.compile(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx)-(?:gov-)?(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-\d\b")
ACCOUNT = re.compile(r"(?<!\d)(\d{12})(?!\d)")
IDENTITY_AGENT = "169.254.170.23/32"
COMPONENT = "app.kubernetes.io/component"
WORKLOADS = {"Deployment", "Job", "CronJob"}
# What runs by the clock in each kind of place; the audit log is checked by one job a shard.
DRILLS = {"region": {"audit-verify", "key-store-backup", "restore-drill"}, "control": {"directory-verify"}}
# Files that a role's configuration names and the role never reads: these take the worker's file, and of it only what they are for.
UNREAD = {
    "migrate": ("feed-client.", "mail."),
    "audit-verify": ("feed-client.", "mail.", "database.migrator"),
    "key-store-backup": ("feed-client.", "mail.", "database.password", "database.ca"),
}
FOREIGN_FIELDS = {
    "SecretProviderClass": ("secrets-store.csi.x-k8s.io/v1", {"provider", "parameters"}),
    "ServiceMonitor": ("monitoring.coreos.com/v1", {"selector", "endpoints"}),
    "TargetGroupBinding": ("elbv2.k8s.aws/v1beta1", {"serviceRef", "targetGroupARN", "targetType"}),
}


@dataclass(frozen=True)
class Finding:
    rule: str
    where: str
    what: str

    def __str__(self):
        return f"{self.rule} {self.where}: {self.what}"


def judge(documents, code):
    catalog = json.loads((TERRAFORM / "envs/prod/catalog.json").read_text())
    home = catalog["control"]["home"] if code == "control" else catalog["regions"][code]["home"]
    by_kind = {}
    for document in documents:
        by_kind.setdefault(document["kind"], []).append(document)
    findings = []
    for rule in (elsewhere, network, secrets, workloads, drills, shards, exposure, foreign_kinds):
        findings += rule(by_kind, documents, code, home, catalog)
    return findings


def name(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def elsewhere(by_kind, documents, code, home, catalog):
    """No document names another AWS region or account."""
    for document in documents:
        text = json.dumps(document)
        for region in set(REGION_NAME.findall(text)) - {home["name"]}:
            yield Finding("other-region", name(document), region)
        known = {catalog["control"]["home"]["account_id"], *(region["home"]["account_id"] for region in catalog["regions"].values())}
        for account in set(ACCOUNT.findall(text)) & known - {home["account_id"]}:
            yield Finding("other-account", name(document), account)


def components(selector, everything):
    """Which components a pod selector takes."""
    if COMPONENT in selector.get("matchLabels", {}):
        return {selector["matchLabels"][COMPONENT]}
    for expression in selector.get("matchExpressions", []):
        if expression["key"] == COMPONENT and expression["operator"] == "In":
            return set(expression["values"])
    return everything


def network(by_kind, documents, code, home, catalog):
    policies = by_kind.get("NetworkPolicy", [])
    closed = [p for p in policies if p["spec"]["podSelector"] == {} and set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"} and not {"ingress", "egress"} & set(p["spec"])]
    if not closed:
        yield Finding("deny-all", "NetworkPolicy", "nothing denies what is not listed")
    places = [c["data"] for c in by_kind.get("ConfigMap", []) if c["metadata"]["name"] == "region"]
    if len(places) != 1:
        yield Finding("region-map", "ConfigMap/region", "there must be one")
        return
    own, feed, doors = ipaddress.ip_network(places[0]["range"]), places[0].get("feed", "").split(), places[0].get("doors", "").split()
    main = (TERRAFORM / f"envs/prod/{code}/main.tf").read_text()
    if f'"{own}"' not in main:
        yield Finding("range", "ConfigMap/region", f"{own} is not the range of Terraform's {code}")
    yield from listed("feed", feed, catalog["control"]["addresses"] if code != "control" else [])
    peers = [address for other, region in catalog["regions"].items() if other != code for address in region["addresses"]] if code != "control" else []
    yield from listed("doors", doors, peers)
    everything = {d["metadata"]["labels"][COMPONENT] for d in documents if d["kind"] in WORKLOADS}
    for policy in policies:
        who = components(policy["spec"]["podSelector"], everything)
        for rule in policy["spec"].get("egress", []):
            if not rule.get("to"):
                yield Finding("way-out", name(policy), "a rule without `to` lets pods connect anywhere")
            for peer in rule.get("to", []):
                if "ipBlock" in peer:
                    yield from way_out(policy, peer["ipBlock"]["cidr"], who, own, feed, doors)
    if code != "control" and not by_kind.get("ValidatingAdmissionPolicyBinding"):
        yield Finding("admission", "ValidatingAdmissionPolicyBinding", "the API server would take any policy")


def listed(what, here, catalogued):
    for address in here:
        block = ipaddress.ip_network(address)
        if block.prefixlen != 32:
            yield Finding("way-out", f"ConfigMap/region {what}", f"{address} is more than one address")
    if catalogued and set(here) != {f"{address}/32" for address in catalogued}:
        yield Finding("catalog", f"ConfigMap/region {what}", f"{here} are not the catalog's {catalogued}")


def way_out(policy, cidr, who, own, feed, doors):
    block = ipaddress.ip_network(cidr)
    if block.subnet_of(own) or cidr == IDENTITY_AGENT or cidr in feed:
        return
    if cidr not in doors:
        yield Finding("way-out", name(policy), f"{cidr} is outside the region and not listed")
    elif who != {"front-door"}:
        yield Finding("way-out", name(policy), f"{sorted(who)} could reach another region's front door")


def secrets(by_kind, documents, code, home, catalog):
    """A role mounts its own secrets of its own region, and Terraform has made a place for each."""
    text = (TERRAFORM / f"modules/{'control' if code == 'control' else 'region'}/secrets.tf").read_text()
    made = {f"domicile/{code}/{found}" for found in re.findall(r'"([a-z-]+(?:/[a-z-]+)?)"', text.split("name ")[0])}
    for document in by_kind.get("SecretProviderClass", []):
        parameters, role = document["spec"]["parameters"], document["metadata"]["name"]
        if "failoverRegion" in parameters or parameters.get("region") != home["name"]:
            yield Finding("secret-elsewhere", name(document), f"secrets would be read in {parameters.get('failoverRegion') or parameters.get('region')}")
        for wanted in re.findall(r"objectName: ([^\s,}]+)", parameters["objects"]):
            prefix = f"domicile/{code}/" if code == "control" else f"domicile/{code}/{role}/"
            if wanted not in made or not wanted.startswith(prefix):
                yield Finding("secret", name(document), f"{wanted} is not a secret of this role")
        aliases = set(re.findall(r"objectAlias: ([^\s,}]+)", parameters["objects"]))
        for configuration in by_kind["ConfigMap"]:
            if configuration["metadata"]["name"].startswith(f"{role}-"):
                for file in re.findall(r"/run/secrets/domicile/([^\"]+)\"", "".join(configuration["data"].values())):
                    if file not in aliases and not file.startswith(UNREAD.get(role, ("/",))):
                        yield Finding("secret", name(configuration), f"{file} is read and not mounted")


def pod_of(document):
    if document["kind"] == "CronJob":
        return document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return document["spec"]["template"]["spec"]


def workloads(by_kind, documents, code, home, catalog):
    source = (TERRAFORM / f"modules/{'control/cluster.tf' if code == 'control' else 'region/access.tf'}").read_text()
    known = set(re.findall(r'^\s+([a-z-]+)\s+= \{ namespace = "domicile" \}', source, re.M))
    roles = {d["metadata"]["name"] for d in by_kind.get("Deployment", [])}
    wanted = {"control"} if code == "control" else {"front-door", "backend", "worker"}
    if roles != wanted:
        yield Finding("roles", "Deployment", f"{sorted(roles)} are not the roles")
    guarded = {kind: {d["spec"]["scaleTargetRef"]["name"] if kind == "HorizontalPodAutoscaler" else d["spec"]["selector"]["matchLabels"][COMPONENT] for d in by_kind.get(kind, [])}
               for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget")}
    watched = {d["spec"]["selector"]["matchLabels"][COMPONENT] for d in by_kind.get("ServiceMonitor", [])}
    for document in (d for d in documents if d["kind"] in WORKLOADS):
        pod, where = pod_of(document), name(document)
        if pod.get("serviceAccountName") not in known:
            yield Finding("account", where, f"{pod.get('serviceAccountName')} has no role in Terraform")
        for container in pod.get("initContainers", []) + pod["containers"]:
            yield from guarded_container(where, pod, container)
        if document["kind"] == "Deployment":
            yield from deployment(document, pod, pod["containers"][0], guarded, watched)


def guarded_container(where, pod, container):
    safe = container.get("securityContext", {})
    if not (safe.get("readOnlyRootFilesystem") and safe.get("allowPrivilegeEscalation") is False and safe.get("capabilities", {}).get("drop") == ["ALL"]
            and pod.get("securityContext", {}).get("runAsNonRoot") and pod["securityContext"].get("seccompProfile", {}).get("type") == "RuntimeDefault"):
        yield Finding("privilege", where, f"{container['name']}: root, a writable file system, a capability or a system call too many")
    if any(set(container["resources"].get(part, {})) != {"cpu", "memory"} for part in ("requests", "limits")):
        yield Finding("resources", where, f"{container['name']}: requests and limits are not all set")
    if "@sha256:" not in container["image"]:
        yield Finding("image", where, f"{container['image']} is not named by its digest")


def drills(by_kind, documents, code, home, catalog):
    """Every drill is there, and the one that restores can reach no database and has no secret: it must not be able to restore over one."""
    jobs = {d["metadata"]["name"]: pod_of(d) for d in by_kind.get("CronJob", [])}
    if {re.sub(r"-shard-\d+$", "", job) for job in jobs} != DRILLS["control" if code == "control" else "region"]:
        yield Finding("drill", "CronJob", f"{sorted(jobs)} are not the drills")
    if not by_kind.get("PrometheusRule") or not any(d["metadata"]["name"] == "drills" for d in by_kind["PrometheusRule"]):
        yield Finding("drill", "PrometheusRule/drills", "nobody hears of a drill that fails")
    if any("csi" in volume for volume in jobs.get("restore-drill", {}).get("volumes", [])):
        yield Finding("drill", "CronJob/restore-drill", "it has a secret of the region")
    everything = {d["metadata"]["labels"][COMPONENT] for d in documents if d["kind"] in WORKLOADS}
    for policy in by_kind.get("NetworkPolicy", []):
        for rule in policy["spec"].get("egress", []):
            ports = {port["port"] for port in rule.get("ports", [])}
            if "restore-drill" in components(policy["spec"]["podSelector"], everything) and not (ports and ports <= {53, 80, 443}):
                yield Finding("drill", name(policy), f"the restore drill could reach {sorted(ports) or 'every port'}")


def shards(by_kind, documents, code, home, catalog):
    """Each shard that Terraform makes is in every configuration that names shards, and a job of its own compares its log with its rows."""
    if code == "control":
        return
    main = (TERRAFORM / f"envs/prod/{code}/main.tf").read_text()
    block = re.search(r"\bshards\s*= \{((?:[^{}]|\{[^{}]*\})*)\}", main)
    made = sorted(int(number) for number in re.findall(r"(\d+)\s*= \{", block[1])) if block else []
    if not made:
        yield Finding("shard", f"Terraform/{code}", "its shards could not be read")
    for configuration in by_kind["ConfigMap"]:
        for file, text in configuration.get("data", {}).items():
            if "[[regional.shards]]" in text:
                told = sorted(shard["id"] for shard in tomllib.loads(text)["regional"]["shards"])
                if told != made:
                    yield Finding("shard", f"{name(configuration)} {file}", f"names the shards {told}, and Terraform makes {made}")
    jobs = {d["metadata"]["name"]: pod_of(d)["containers"][0]["args"] for d in by_kind.get("CronJob", []) if d["metadata"]["labels"][COMPONENT] == "audit-verify"}
    if set(jobs) != {f"audit-verify-shard-{number}" for number in made}:
        yield Finding("shard", "CronJob", f"{sorted(jobs)} do not check the log of each of the shards {made}")
    for job, args in jobs.items():
        if [word for word in args if word.startswith("--shard")] != [f"--shard={job.rpartition('-')[2]}"] or "--rows" not in args:
            yield Finding("shard", f"CronJob/{job}", f"{args} do not compare log and rows of the shard in its name")


def deployment(document, pod, container, guarded, watched):
    where, role = name(document), document["metadata"]["name"]
    if not all(probe in container for probe in ("startupProbe", "livenessProbe", "readinessProbe")) or container["readinessProbe"]["httpGet"]["path"] != "/readyz":
        yield Finding("probes", where, "a probe is missing, or readiness does not ask /readyz")
    rolling = document["spec"]["strategy"].get("rollingUpdate", {})
    drain = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if rolling.get("maxUnavailable") != 0 or pod["terminationGracePeriodSeconds"] < drain + 35:
        yield Finding("rolling", where, "an update could end a pod before another is ready, or before its requests end (30 s)")
    if not any(spread["topologyKey"] == "topology.kubernetes.io/zone" for spread in pod.get("topologySpreadConstraints", [])):
        yield Finding("zones", where, "its pods may all stand in one zone")
    for kind, who in guarded.items():
        if role not in who:
            yield Finding("guard", where, f"has no {kind}")
    if role not in watched:
        yield Finding("guard", where, "has no ServiceMonitor")


def exposure(by_kind, documents, code, home, catalog):
    for document in by_kind.get("Service", []):
        if document["spec"].get("type", "ClusterIP") != "ClusterIP" or document["spec"].get("externalName"):
            yield Finding("exposed", name(document), "a service leaves the cluster by itself")
    for kind in ("Ingress", "Gateway", "HTTPRoute", "PersistentVolumeClaim", "ClusterRoleBinding"):
        for document in by_kind.get(kind, []):
            yield Finding("exposed", name(document), f"no {kind} is needed here")
    for document in documents:
        text = json.dumps(document)
        if '"hostNetwork": true' in text or '"hostPath"' in text or '"privileged": true' in text:
            yield Finding("exposed", name(document), "reaches into its node")


def foreign_kinds(by_kind, documents, code, home, catalog):
    """Kinds of other projects have no schema here, so at least their versions and fields are those of their documentation."""
    for kind, (version, fields) in FOREIGN_FIELDS.items():
        for document in by_kind.get(kind, []):
            if document["apiVersion"] != version or set(document["spec"]) != fields:
                yield Finding("foreign", name(document), f"{document['apiVersion']} with {sorted(document['spec'])}")
