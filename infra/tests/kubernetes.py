"""The manifests: rendered, judged by Kubernetes' schemas and by the rules of residency, and broken on purpose to see the rules hold."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import manifest_rules
import tools
from manifest_mutations import MUTATIONS
from terraform import run_checkov

INFRA = Path(__file__).resolve().parent.parent
TREE = INFRA / "k8s"
VERSION = "1.33"
OVERLAYS = ("us", "in", "control")
CONFIG_LIMIT_SECONDS = 30


def check(report, everything):
    kubectl, python = tools.kubectl(), tools.program("python", "lint")
    with tempfile.TemporaryDirectory(prefix="domicile-k8s-") as folder:
        copy = Path(folder) / "k8s"
        rendered = {}
        for overlay in OVERLAYS:
            rendered[overlay] = read(report, kubectl, python, TREE, overlay, Path(folder))
        for overlay, documents in rendered.items():
            findings = manifest_rules.judge(documents, overlay)
            report.say(documents and not findings, f"{overlay}: no route, name or secret of another region; every workload is guarded", "\n".join(map(str, findings)))
        # The collector of logs is left out: it reads its node's files as root, which is what checkov is there to find; shipping.py looks at it.
        for place in ("us", "in"):
            read(report, kubectl, python, TREE, f"{place}/traces", Path(folder))
        run_checkov(report, "kubernetes", Path(folder) / "rendered")
        for mutation in MUTATIONS:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(TREE, copy)
            mutation.apply(copy)
            documents, said = render(kubectl, python, copy, mutation.overlay)
            findings = manifest_rules.judge(documents, mutation.overlay) if documents else []
            report.say(any(found.rule == mutation.rule for found in findings), f"found: {mutation.name}", said or f"no finding {mutation.rule}; only {findings}")
    version = re.search(r'default\s+= "([\d.]+)"', (INFRA / "terraform/modules/cluster/variables.tf").read_text())
    report.say(version and version[1] == VERSION, f"the schemas are those of the cluster's version, {VERSION}", version and version[1])


def render(kubectl, python, tree, overlay):
    """(documents, complaint): either is empty."""
    made = tools.run(kubectl, "kustomize", tree / "overlays" / overlay, stderr=subprocess.PIPE)
    if made.returncode:
        return [], made.stderr
    answer = tools.run(python, Path(__file__).with_name("manifests.py"), VERSION, input=made.stdout)
    if answer.returncode:
        return [], answer.stdout
    answer = json.loads(answer.stdout) | {"text": made.stdout}
    render.last = answer
    return answer["documents"], ""


def read(report, kubectl, python, tree, overlay, folder):
    documents, said = render(kubectl, python, tree, overlay)
    if not report.say(not said, f"{overlay}: kustomize renders {len(documents)} documents", said):
        return []
    report.say(render.last["judged"] and not render.last["complaints"],
               f"{overlay}: {render.last['judged']} of them are what Kubernetes {VERSION} asks, with no unknown field", "\n".join(render.last["complaints"]))
    (folder / "rendered").mkdir(exist_ok=True)
    (folder / "rendered" / f"{overlay.replace('/', '-')}.yaml").write_text(render.last["text"])
    return documents


def configurations(report, everything):
    """The program itself reads each configuration: it must get as far as missing its secrets, and never complain of a field."""
    program = Path(os.environ.get("DOMICILE_BINARIES", INFRA.parent / "target/debug")) / "domicile"
    if not program.exists():
        raise tools.Missing(f"{program} is not built: cargo build")
    cases = [(place, role, [role, "--config"], []) for place in ("us", "in") for role in ("front-door", "backend", "worker")]
    cases += [(place, "migrate", ["migrate", "--config"], ["region"]) for place in ("us", "in")]
    cases.append(("control", "control", ["control", "--config"], []))
    for place, name, before, after in cases:
        file = TREE / "overlays" / place / f"{name}.toml"
        done = tools.run(program, *before, file, *after, timeout=CONFIG_LIMIT_SECONDS)
        good = done.returncode and str(file) not in done.stdout
        report.say(good, f"the program reads {place}/{name}.toml", done.stdout)
