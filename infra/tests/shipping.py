"""What ships logs and traces: rendered for each place it knows one region and one sink there, and takes only what the programs write."""

import datetime
import ipaddress
import json
import re
import shutil
import tempfile
import tomllib
from pathlib import Path

import kubernetes
import manifest_rules
import tools
from manifest_mutations import Mutation

INFRA = Path(__file__).resolve().parent.parent
REPOSITORY = INFRA.parent
# What is shipped, where to, and in which places.
KINDS = {"logs": kubernetes.OVERLAYS, "logs-elk": kubernetes.OVERLAYS, "traces": ("us", "in")}
SINKS = {"logs": ["cloudwatch_logs"], "logs-elk": ["es"], "traces": ["awsxray"]}
ELASTICSEARCH = {
    "host": "${ELASTICSEARCH}", "tls": True, "tls.verify": True, "tls.ca_file": "/run/secrets/domicile/elasticsearch.ca",
    # A line keeps its own time, a repeated one stays one, and none is printed.
    "time_key": "event.created", "generate_id": True, "write_operation": "create", "trace_error": False,
}
BROKEN = [
    (Mutation("lines of India in a log group of the US", "overlays/in/logs/kustomization.yaml", "region=ap-south-1", "region=us-east-1", "other-region"), "logs"),
    (Mutation("a second output for lines", "logs/output.yaml", "    - name: cloudwatch_logs", "    - {name: stdout, match: domicile}\n    - name: cloudwatch_logs", "sink"), "logs"),
    (Mutation("a log collector that may connect anywhere", "overlays/in/logs/kustomization.yaml", "10.11.0.0/16", "0.0.0.0/0", "way-out"), "logs"),
    (Mutation("lines of India in the US Elasticsearch", "overlays/in/logs-elk/kustomization.yaml", "elasticsearch.in.", "elasticsearch.us.", "place"), "logs-elk"),
    (Mutation("lines to Elasticsearch in clear", "logs-elk/output.yaml", "tls: on", "tls: off", "sink"), "logs-elk"),
    (Mutation("lines to an Elasticsearch that proves nothing", "logs-elk/output.yaml", "tls.verify: on", "tls.verify: off", "sink"), "logs-elk"),
    (Mutation("traces of India in the US", "overlays/in/traces/kustomization.yaml", "region=ap-south-1", "region=us-east-1", "other-region"), "traces"),
    (Mutation("a second exporter of traces", "traces/collector.yaml", "exporters: [awsxray]", "exporters: [awsxray, debug]", "sink"), "traces"),
    (Mutation("spans with whatever somebody put into them", "traces/collector.yaml", "allow_all_keys: false", "allow_all_keys: true", "sink"), "traces"),
    (Mutation("spans that were not stripped", "traces/collector.yaml", "processors: [memory_limiter, redaction, batch]", "processors: [memory_limiter, batch]", "sink"), "traces"),
    (Mutation("spans in clear", "traces/collector.yaml", "        tls:\n", "        cors:\n", "sink"), "traces"),
    (Mutation("workers that send spans", "traces/traces.yaml", "values: [front-door, backend]", "values: [front-door, backend, worker]", "senders"), "traces"),
    (Mutation("a collector with a backend's certificate", "overlays/in/traces/secrets.yaml", "domicile/in/traces/", "domicile/in/backend/", "secret"), "traces"),
]


def check(report):
    for kind, places in KINDS.items():
        for place in places:
            documents, said = render(kubernetes.TREE, place, kind)
            findings = [said] if said else kubernetes.render.last["complaints"] + list(map(str, judge(documents, place, kind)))
            report.say(not findings, f"{place}: {kind} go to {SINKS[kind][0]} of its own region and nowhere else", "\n".join(findings))
    with tempfile.TemporaryDirectory(prefix="domicile-shipping-") as folder:
        for mutation, kind in BROKEN:
            copy = Path(folder) / "k8s"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(kubernetes.TREE, copy)
            mutation.apply(copy)
            documents, said = render(copy, mutation.overlay, kind)
            findings = list(judge(documents, mutation.overlay, kind))
            report.say(any(found.rule == mutation.rule for found in findings), f"found: {mutation.name}", said or f"no finding {mutation.rule}; only {findings}")
    shipped(report, load((INFRA / "k8s/logs/fluent-bit.yaml").read_text()))
    spoken_to(report)


def render(tree, place, kind):
    return kubernetes.render(tools.kubectl(), tools.program("python", "lint"), tree, f"{place}/{kind}")


def load(text):
    read = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    return json.loads(tools.run(tools.program("python", "lint"), "-c", read, input=text).stdout)


def judge(documents, code, kind):
    by_kind = {}
    for document in documents:
        by_kind.setdefault(document["kind"], []).append(document)
    catalog = json.loads((INFRA / "terraform/envs/prod/catalog.json").read_text())
    home = catalog["control"]["home"] if code == "control" else catalog["regions"][code]["home"]
    yield from manifest_rules.elsewhere(by_kind, documents, code, home, catalog)
    maps = {document["metadata"]["name"].rsplit("-", 1)[0]: document["data"] for document in by_kind.get("ConfigMap", [])}
    wanted = {"region": home["name"]}
    wanted |= {"log_group": f"/domicile/{code}/application"} if kind != "traces" else {}
    wanted |= {"elasticsearch": f"elasticsearch.{code}.domicile.internal"} if kind == "logs-elk" else {}
    place = maps.get("traces-place" if kind == "traces" else "place")
    if place != wanted:
        yield manifest_rules.Finding("place", "ConfigMap", f"{place} is not {wanted}")
    yield from (traces_sink if kind == "traces" else logs_sink)(maps, kind)
    own = ipaddress.ip_network(re.search(r"range: (\S+)", (kubernetes.TREE / f"overlays/{code}/network.yaml").read_text())[1])
    for policy in by_kind.get("NetworkPolicy", []):
        yield from ways(policy, own, kind)
    yield from mounted(by_kind, maps, code, kind, home)
    yield from workload(by_kind, kind, code)


def logs_sink(maps, kind):
    config = load(maps["fluent-bit"]["fluent-bit.yaml"])
    output = load(maps["fluent-bit"]["output.yaml"])
    outputs = config["pipeline"].get("outputs", []) + output["pipeline"].get("outputs", [])
    if [one["name"] for one in outputs] != SINKS[kind] or config["includes"] != ["output.yaml"] or set(output) != {"pipeline"} or set(output["pipeline"]) != {"outputs"}:
        yield manifest_rules.Finding("sink", "ConfigMap/fluent-bit", f"{outputs} is not the one output")
        return
    told = {"region": "${AWS_REGION}", "log_group_name": "${LOG_GROUP}", "auto_create_group": False} if kind == "logs" else ELASTICSEARCH
    wrong = {key: outputs[0].get(key) for key, value in told.items() if outputs[0].get(key) != value}
    if wrong:
        yield manifest_rules.Finding("sink", "ConfigMap/fluent-bit", f"{wrong}: {told} is asked")


def traces_sink(maps, kind):
    config = load(maps["collector"]["collector.yaml"])
    pipelines, receivers = config["service"]["pipelines"], config["receivers"]
    if list(config["exporters"]) != SINKS[kind] or pipelines.get("traces", {}).get("exporters") != SINKS[kind] or list(pipelines) != ["traces"]:
        yield manifest_rules.Finding("sink", "ConfigMap/collector", f"{pipelines} is not one way to one sink")
    if config["exporters"]["awsxray"].get("region") != "${env:AWS_REGION}" or not config["exporters"]["awsxray"].get("local_mode"):
        yield manifest_rules.Finding("sink", "ConfigMap/collector", "the sink's region is not that of the pod")
    if list(receivers) != ["otlp"] or list(receivers["otlp"]["protocols"]) != ["http"] or not receivers["otlp"]["protocols"]["http"].get("tls", {}).get("cert_file"):
        yield manifest_rules.Finding("sink", "ConfigMap/collector", "spans are taken otherwise than over TLS")
    exported = (REPOSITORY / "regions/src/trace/export.rs").read_text().split("#[cfg(test)]")[0]
    written = set(re.findall(r'text\(\s*"([a-z_.]+)"', exported)) | set(re.findall(r'"key": "([a-z_.]+)"', exported))
    kept = config["processors"]["redaction"]
    if kept.get("allow_all_keys") is not False or set(kept["allowed_keys"]) != written or "redaction" not in pipelines.get("traces", {}).get("processors", []):
        yield manifest_rules.Finding("sink", "ConfigMap/collector", f"it keeps {sorted(kept['allowed_keys'])}; the programs write {sorted(written)}")


def ways(policy, own, kind):
    where = manifest_rules.name(policy)
    if set(policy["spec"]["policyTypes"]) != {"Ingress", "Egress"}:
        yield manifest_rules.Finding("way-out", where, "what is not listed is not denied")
    for rule in policy["spec"].get("egress", []):
        for peer in rule.get("to") or [{"ipBlock": {"cidr": "0.0.0.0/0"}}]:
            cidr = peer.get("ipBlock", {}).get("cidr")
            if cidr and cidr != manifest_rules.IDENTITY_AGENT and not ipaddress.ip_network(cidr).subnet_of(own):
                yield manifest_rules.Finding("way-out", where, f"{cidr} is outside the place")
    senders = [peer for rule in policy["spec"].get("ingress", []) for peer in rule.get("from", [{}])]
    allowed = [manifest_rules.components(peer.get("podSelector", {}), {"anybody"}) for peer in senders]
    if allowed != ([{"front-door", "backend"}] if kind == "traces" else []):
        yield manifest_rules.Finding("senders", where, f"{allowed} may connect")


def mounted(by_kind, maps, code, kind, home):
    """Secrets of this collector alone, of this region alone, each of which Terraform has made a place for, and no file that is not mounted."""
    role = "traces" if kind == "traces" else "logs"
    terraform = (INFRA / f"terraform/modules/{'control' if code == 'control' else 'region'}/secrets.tf").read_text()
    aliases = set()
    for document in by_kind.get("SecretProviderClass", []):
        parameters = document["spec"]["parameters"]
        aliases |= set(re.findall(r"objectAlias: ([^\s,}]+)", parameters["objects"]))
        for wanted in re.findall(r"objectName: (\S+)", parameters["objects"]):
            made = f'"{wanted.removeprefix(f"domicile/{code}/")}"' in terraform
            if not made or not wanted.startswith(f"domicile/{code}/{role}/") or parameters.get("region") != home["name"] or "failoverRegion" in parameters:
                yield manifest_rules.Finding("secret", manifest_rules.name(document), f"{wanted} is not a secret of {role} in {home['name']}")
    read = set(re.findall(r"/run/secrets/domicile/(\S+)", "".join(text for data in maps.values() for text in data.values())))
    if read != aliases:
        yield manifest_rules.Finding("secret", "ConfigMap", f"{sorted(read)} are read, {sorted(aliases)} are mounted")


def workload(by_kind, kind, code):
    access = (INFRA / f"terraform/modules/{'control/cluster.tf' if code == 'control' else 'region/access.tf'}").read_text()
    known = set(re.findall(r'^\s+([a-z-]+)\s+= \{ namespace = "monitoring" \}', access, re.M))
    for document in by_kind.get("Deployment", []) + by_kind.get("DaemonSet", []):
        pod, where = manifest_rules.pod_of(document), manifest_rules.name(document)
        if pod["serviceAccountName"] not in known or document["metadata"]["namespace"] != "monitoring":
            yield manifest_rules.Finding("account", where, f"{pod['serviceAccountName']} has no role in Terraform")
        for container in pod["containers"]:
            found = list(manifest_rules.guarded_container(where, pod, container))
            # Files of a node's root are read by root, with one capability and nothing else.
            yield from (one for one in found if kind == "traces" or one.rule != "privilege")


def spoken_to(report):
    """Front doors and backends of each region send to the collector's own name, port and authority."""
    text = (INFRA / "k8s/traces/traces.yaml").read_text()
    port = re.search(r"name: otlp, port: (\d+)", text)[1]
    wrong = []
    for place in KINDS["traces"]:
        for role in ("front-door", "backend"):
            config = tomllib.loads((kubernetes.TREE / f"overlays/{place}/{role}.toml").read_text()).get("telemetry", {})
            if config.get("otlp_endpoint") != f"https://traces.monitoring.svc:{port}" or "ca" not in config:
                wrong.append(f"{place}/{role}: {config}")
    report.say(not wrong, "front doors and backends send their spans to the collector of their own cluster, over TLS", "\n".join(wrong))


def shipped(report, config):
    """The log collector's filters, played here as its manual describes them: what the programs write passes whole, all else stays."""
    log = (REPOSITORY / "regions/src/log.rs").read_text()
    written = json.loads("{" + re.search(r'json!\(\{(\s+"@timestamp".*?)\}\)', log, re.S)[1].replace("1_500_000", "1500000").rstrip().rstrip(",") + "}")
    fields = set(re.findall(r'serialize_entry\("([^"]+)"', log))
    report.say(written and set(written) <= fields and all(re.fullmatch(r"@timestamp|[a-z_]+(\.[a-z_]+)+", name) for name in fields),
               f"a log line has {len(fields)} kinds of fields, all of them in ECS' form", sorted(fields))
    ours, others = json.dumps(written), json.dumps(written | {"service.name": "sidecar"})
    kept = play_log(config, ours)
    late = {key: value.replace("%z", "") if key == "time_format" else value for key, value in config["parsers"][0].items()}
    refused = [play_log(config, others), play_log(config, "Segmentation fault"), play_log(config | {"parsers": [late]}, ours)]
    report.say(kept == written and refused == [None, None, None], "the collector takes a program's line whole, and no other program's and nothing that is no line", f"{kept} {refused}")


def play_log(config, line):
    """What of a container's line arrives at the output; None for what does not, or whose time cannot be read."""
    record = {"log": line}
    for step in config["pipeline"]["filters"]:
        if step["name"] == "parser":
            parser = next(one for one in config["parsers"] if one["name"] == step["parser"])
            try:
                parsed = json.loads(record[step["key_name"]])
                datetime.datetime.strptime(parsed[parser["time_key"]], parser["time_format"].replace("%L", "%f"))
            except json.JSONDecodeError:
                # What cannot be parsed goes on as it came.
                continue
            except ValueError:
                return None
            record = parsed if parser["time_keep"] and parser["format"] == "json" else {}
        elif step["name"] == "grep":
            field, pattern = step["regex"].split(" ", 1)
            if not re.search(pattern, str(record.get(field, ""))):
                return None
    return record
