"""The runbooks' commands that need AWS: each operation and option exists in AWS's own model, each script and place is there."""

import json
import re
import shlex
import sys
from pathlib import Path

import tools

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import costs  # noqa: E402 it stands beside the tests, because people run it too

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGES = [*sorted((REPOSITORY / "docs/runbooks").glob("*.md")), REPOSITORY / "docs/deploy.md"]
KINDS = {"sh run", "sh aws", "sql", "json", "text", "toml"}
TOOLS = {"kubectl", "terraform", "python3", "openssl", "docker", "psql", "git"}
# Options of the AWS command line itself.
GLOBAL = {"region", "query", "output", "profile"}
# Commands that the command line adds to the operations of the service.
ADDED = {("eks", "update-kubeconfig"): {"name", "alias"}}


def blocks(page):
    return re.findall(r"^( *)```([^\n]*)\n(.*?)^\1```", page.read_text(), re.M | re.S)


def commands(text):
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            yield line


def check(report, everything):
    pages = [page for page in PAGES if page.exists()]
    wrong = [f"{page.name}: a block of kind `{kind}`" for page in pages for _, kind, _ in blocks(page) if kind not in KINDS]
    report.say(not wrong, "each block of the runbooks says whether it needs AWS", "\n".join(wrong))
    lines = [(page.name, line) for page in pages for _, kind, text in blocks(page) if kind == "sh aws" for line in commands(text)]
    calls = [shlex.split(line) for _, line in lines]
    # The command line calls the operations of S3 by another name than the service.
    calls = [["s3" if word == "s3api" else word for word in words] for words in calls]
    asked = [[words[1], words[2]] for words in calls if words[0] == "aws"]
    known = operations(asked)
    wrong = [f"{page}: {line}: {problem}" for (page, line), words in zip(lines, calls) for problem in findings(words, known)]
    report.say(lines and not wrong, f"{len(lines)} commands that need AWS or a cluster name operations, options, scripts and folders that exist", "\n".join(wrong))
    wrong = [f"{page}: {line}: there is no {name}" for page, line in lines for name in unmade(line)]
    report.say(not wrong, "keys, roles and jobs that they name are those of Terraform and the manifests", "\n".join(wrong))
    gone = [name for name in ("alias/domicile/tenant", "cronjob/audit-verify", "deployment/door") if list(unmade(f"some command {name}")) != [name]]
    report.say(not gone, "found: a key, a job and a role that nothing makes", gone)
    executed = [line for page in pages for _, kind, text in blocks(page) if kind == "sh run" for line in commands(text)]
    report.say(len(executed) >= 15, f"{len(executed)} commands need no account", executed)
    deploy = (REPOSITORY / "docs/deploy.md").read_text()
    report.say(costs.table() in deploy, "the costs in docs/deploy.md are those of infra/costs.py", costs.table())
    text = (REPOSITORY / "infra/terraform/modules/network/endpoints.tf").read_text()
    services = len(re.findall(r'"[a-z0-9.-]+"', re.search(r"services = toset\(\[(.*?)\]\)", text, re.S)[1])) + 1
    report.say(services == costs.ENDPOINTS, f"they count the {services} endpoints that Terraform makes", costs.ENDPOINTS)


def unmade(line):
    """Keys' aliases, roles and jobs in a command that neither Terraform nor the manifests make."""
    regions = json.loads((REPOSITORY / "infra/terraform/envs/prod/catalog.json").read_text())["regions"]
    keys = re.findall(r"^    ([a-z-]+)\s+= \{ purpose", (REPOSITORY / "infra/terraform/modules/region/keys.tf").read_text(), re.M)
    made = {"alias/domicile/state", *(f"alias/domicile/{code}/{key}" for code in regions for key in keys)}
    for file in (REPOSITORY / "infra/k8s").rglob("*.yaml"):
        for kind, name in re.findall(r"^kind: (CronJob|Deployment)\nmetadata:\n  name: ([a-z-]+)$", file.read_text(), re.M):
            made.add(f"{kind.lower()}/{name}" + ("-shard-N" if name == "audit-verify" else ""))
    for name in re.findall(r"\balias/domicile[a-z0-9/-]*|\b(?:cronjob|deployment)/[a-z0-9-]+", line):
        if re.sub(r"-shard-\d+$", "-shard-N", name) not in made:
            yield name


def operations(asked):
    """Of each AWS command its options, from the service's model."""
    read = """
import json, sys
from botocore import xform_name
from botocore.session import Session
session, known = Session(), {}
for service, command in json.load(sys.stdin):
    try:
        model = session.get_service_model(service)
    except Exception:
        continue
    for name in model.operation_names:
        if xform_name(name).replace("_", "-") == command:
            shape = model.operation_model(name).input_shape
            known[service + " " + command] = [xform_name(member).replace("_", "-") for member in (shape.members if shape else {})]
json.dump(known, sys.stdout)
"""
    answer = tools.run(tools.program("python", "moto"), "-c", read, input=json.dumps(asked))
    return json.loads(answer.stdout)


def findings(words, known):
    if words[0] == "aws":
        service, command = words[1], words[2]
        options = {word[2:] for word in words[3:] if word.startswith("--")}
        allowed = ADDED.get((service, command)) or known.get(f"{service} {command}")
        if allowed is None:
            yield f"AWS has no {service} {command}"
        else:
            # A switch that can be negated is one member of the model.
            yield from (f"{command} has no --{option}" for option in options - set(allowed) - GLOBAL if option.removeprefix("no-") not in allowed)
        if "--region" not in words and service not in ("eks", "organizations", "sts", "route53domains"):
            yield "names no region: a default one must not decide"
    elif "/" in words[0]:
        if not (REPOSITORY / words[0]).exists():
            yield f"there is no {words[0]}"
    elif words[0] not in TOOLS:
        yield f"{words[0]} is no tool that a platform engineer was told of"
    if words[0] == "terraform" and not any((REPOSITORY / word.removeprefix("-chdir=")).is_dir() for word in words if word.startswith("-chdir=")):
        yield "the folder is not there"
    if words[0] == "python3" and not (REPOSITORY / words[1]).exists():
        yield f"there is no {words[1]}"
