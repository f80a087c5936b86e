"""Rules, dashboards and log shipping: alerts are played, every name they use is one that the programs really have, logs stay home."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import kubernetes
import shipping
import tools

INFRA = Path(__file__).resolve().parent.parent
REPOSITORY = INFRA.parent
RULES = INFRA / "k8s/base/rules.yaml"
# Series of other programs in the cluster.
FOREIGN = {"up", "certmanager_certificate_expiration_timestamp_seconds"}
SUFFIXES = ("_bucket", "_count", "_sum")
LOG_FIELDS = {"@timestamp"}
QUESTIONS = {
    "domicile-routing": "Is anyone being routed wrongly?", "domicile-clinics": "Which clinic is slow?", "domicile-log": "Is the log sealed?",
    "domicile-keys": "Are keys healthy?", "domicile-clocks": "Which clocks run?",
}


def check(report, everything):
    source = "".join(path.read_text() for crate in ("regions", "tenancy", "app") for path in (REPOSITORY / crate / "src").rglob("*.rs"))
    rules = as_json(report, RULES)[0]["spec"]
    play(report, rules)
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    wrong = [f"{rule.get('alert') or rule['record']}: {name}" for group in rules["groups"] for rule in group["rules"] for name in unknown(rule["expr"], source, recorded)]
    report.say(alerts and not wrong, f"{len(alerts)} alerts and {len(recorded)} recorded series are made of metrics that the programs have", "\n".join(wrong))
    lost = [f"{rule['alert']}: {rule['annotations']['runbook']}" for rule in alerts if not (REPOSITORY / rule["annotations"]["runbook"]).exists()]
    report.say(not lost, "each alert names a runbook that is there", "\n".join(lost))
    played = set(re.findall(r"alertname: (\w+)", (INFRA / "monitoring/rules_test.yaml").read_text()))
    silent = [rule["alert"] for rule in alerts if rule["alert"] not in played]
    report.say(set(silent) <= {"LogLost"}, f"{len(alerts) - len(silent)} of {len(alerts)} alerts are played", silent)
    dashboards(report, source, recorded)
    shipping.check(report)


def as_json(report, path):
    answer = tools.run(tools.program("python", "lint"), Path(__file__).with_name("manifests.py"), kubernetes.VERSION, input=path.read_text())
    return json.loads(answer.stdout)["documents"]


def play(report, rules):
    promtool = tools.promtool()
    with tempfile.TemporaryDirectory(prefix="domicile-rules-") as folder:
        # JSON is YAML.
        (Path(folder) / "rules.yaml").write_text(json.dumps(rules))
        shutil.copy(INFRA / "monitoring/rules_test.yaml", folder)
        done = tools.run(promtool, "check", "rules", "rules.yaml", cwd=folder)
        report.say(done.returncode == 0, "promtool: " + " ".join(done.stdout.split())[-60:], done.stdout)
        done = tools.run(promtool, "test", "rules", "rules_test.yaml", cwd=folder)
        report.say(done.returncode == 0, "promtool plays a healthy region, which is silent, and a broken one, which is not", done.stdout)


def unknown(expression, source, recorded):
    """Names of series in a PromQL expression that no program registers."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(?:by|without|on|ignoring)\s*\([^)]*\)|\{[^}]*\}|\[[^]]*\]", " ", bare)
    for name in sorted(set(re.findall(r"\b[a-z][a-z0-9_]{3,}\b(?!\s*\()", bare)) | set(re.findall(r"domicile_\w+", expression))):
        if not name.startswith(("domicile_", "certmanager_", "kube_")) and name != "up":
            continue
        family = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix) and f'"{name.removesuffix(suffix)}"' in source), name)
        if name not in FOREIGN | recorded and f'"{family}"' not in source:
            yield name


def dashboards(report, source, recorded):
    files = sorted((INFRA / "monitoring/dashboards").glob("*.json"))
    boards = {file.stem: json.loads(file.read_text()) for file in files}
    asked = {uid: board.get("title") for uid, board in boards.items()}
    report.say(asked == QUESTIONS, f"{len(boards)} dashboards ask what they must answer", asked)
    sources = set(re.findall(r"uid: (\w+)", (INFRA / "monitoring/provisioning/datasources.yaml").read_text()))
    fields = set(re.findall(r'serialize_entry\("([^"]+)"', source)) | LOG_FIELDS
    for uid, board in boards.items():
        wrong = []
        if board.get("uid") != uid or board.get("schemaVersion", 0) < 36 or not board.get("panels"):
            wrong.append("uid, schema or panels")
        if len({panel["id"] for panel in board["panels"]}) != len(board["panels"]):
            wrong.append("two panels with one id")
        for one, other in ((a, b) for a in board["panels"] for b in board["panels"] if a["id"] < b["id"]):
            a, b = one["gridPos"], other["gridPos"]
            if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
                wrong.append(f"{one['title']} lies on {other['title']}")
        for panel in board["panels"]:
            wrong += list(panel_findings(panel, source, recorded, sources, fields))
        report.say(not wrong, f"{board.get('title')}: {len(board['panels'])} panels, of names that the programs have and this region's sources", "\n".join(wrong))


def panel_findings(panel, source, recorded, sources, fields):
    for target in panel["targets"]:
        where = f"{panel['title']}: "
        if target["datasource"]["uid"] not in sources or target.get("region", "default") != "default":
            yield where + "reads another source, or another region than its own"
        if "expr" in target:
            yield from (where + name for name in unknown(target["expr"], source, recorded))
        if target.get("queryMode") == "Logs":
            query = target["expression"]
            yield from (where + f"no line has {field}" for field in re.findall(r"\b[a-z_]+(?:\.[a-z_]+)+\b", re.sub(r"'[^']*'", "", query)) if field not in fields)
            yield from (where + f"{code} is never logged" for group in re.findall(r"event\.code (?:in \[([^]]*)\]|= ('[^']*'))", query) for code in re.findall(r"'([^']+)'", "".join(group)) if f'"{code}"' not in source)
