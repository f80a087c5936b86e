"""Rules, dashboards and what ships logs and traces: alerts are played, and every name they use is one that the programs really have."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import dashboards
import kubernetes
import shipping
import tools
from metrics import Metrics

INFRA = Path(__file__).resolve().parent.parent
REPOSITORY = INFRA.parent
# The rules of a region, and those of drills, which the control plane has too; promtool's test knows them by these names.
RULES = {"rules.yaml": INFRA / "k8s/base/rules.yaml", "drills.yaml": INFRA / "k8s/drill-rules/rules.yaml"}


def check(report, everything):
    source = "".join(path.read_text() for crate in ("regions", "tenancy", "app") for path in sorted((REPOSITORY / crate / "src").rglob("*.rs")))
    files = {name: as_json(path)[0]["spec"] for name, path in RULES.items()}
    play(report, files)
    groups = [group for rules in files.values() for group in rules["groups"]]
    metrics = Metrics(source, [rule for group in groups for rule in group["rules"] if "record" in rule])
    report.say(len(metrics.exported) >= 20, f"the programs register {len(metrics.exported)} metrics", sorted(metrics.exported))
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    wrong = [f"{rule.get('alert') or rule['record']}: {finding}" for group in groups for rule in group["rules"] for finding in metrics.findings(rule["expr"])]
    report.say(alerts and not wrong, f"{len(alerts)} alerts and {len(metrics.recorded)} recorded series are made of metrics and labels that the programs have", "\n".join(wrong))
    lost = [f"{rule['alert']}: {rule['annotations']['runbook']}" for rule in alerts if not (REPOSITORY / rule["annotations"]["runbook"]).exists()]
    report.say(not lost, "each alert names a runbook that is there", "\n".join(lost))
    played = set(re.findall(r"alertname: (\w+)", (INFRA / "monitoring/rules_test.yaml").read_text()))
    silent = [rule["alert"] for rule in alerts if rule["alert"] not in played]
    report.say(set(silent) <= {"LogLost"}, f"{len(alerts) - len(silent)} of {len(alerts)} alerts are played", silent)
    dashboards.check(report, source, metrics)
    shipping.check(report)


def as_json(path):
    answer = tools.run(tools.program("python", "lint"), Path(__file__).with_name("manifests.py"), kubernetes.VERSION, input=path.read_text())
    return json.loads(answer.stdout)["documents"]


def play(report, files):
    promtool = tools.promtool()
    with tempfile.TemporaryDirectory(prefix="domicile-rules-") as folder:
        for name, rules in files.items():
            # JSON is YAML.
            (Path(folder) / name).write_text(json.dumps(rules))
        shutil.copy(INFRA / "monitoring/rules_test.yaml", folder)
        done = tools.run(promtool, "check", "rules", *files, cwd=folder)
        report.say(done.returncode == 0, "promtool: " + " ".join(done.stdout.split())[-60:], done.stdout)
        done = tools.run(promtool, "test", "rules", "rules_test.yaml", cwd=folder)
        report.say(done.returncode == 0, "promtool plays a healthy region, which is silent, and a broken one, which is not", done.stdout)
