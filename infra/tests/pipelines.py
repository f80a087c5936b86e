"""The pipelines: linted, calling only what a developer calls, and unable to deploy two places at once."""

import json
import os
import re
import tempfile
from pathlib import Path

import tools

REPOSITORY = Path(__file__).resolve().parent.parent.parent
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
GITLAB = REPOSITORY / ".gitlab-ci.yml"
# Every line that a pipeline may run. A step that is not one of these would be something that no developer has run.
COMMANDS = {
    ".ci/run", 'infra/deploy.sh "$PLACE" "$DIGEST"', 'infra/deploy.sh --roll-back "$PLACE"',
    "docker build --file infra/docker/Dockerfile --target domicile --tag domicile .", "docker run --rm --read-only --cap-drop ALL domicile --version",
    "infra/docker/weigh.sh domicile", "docker build --file infra/docker/Dockerfile --target keeper --tag keeper .",
    "python3 infra/tests/check.py --all terraform emulator checkov", "install -D /bin/terraform .tools/terraform",
    'aws eks update-kubeconfig --name "domicile-prod-$PLACE" --alias "domicile-$PLACE"',
    # What GitHub's action does by itself: the job's token goes where the AWS command line looks for it, and is gone after the job.
    '(umask 077 && printf %s "$PLACE_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE")', 'rm -f "$AWS_WEB_IDENTITY_TOKEN_FILE"',
}
PLACES = ["us", "in", "control"]
DIGEST = "sha256:" + "ab" * 32


def check(report, everything):
    lint(report)
    deploy, gitlab = load(next(path for path in WORKFLOWS if path.name == "deploy.yml")), load(GITLAB)
    hub = [step["run"] for path in WORKFLOWS for job in load(path)["jobs"].values() for step in job["steps"] if "run" in step]
    lab = [line for job in gitlab.values() if isinstance(job, dict) for part in ("before_script", "script", "after_script") for line in job.get(part, [])]
    said = hub + lab
    report.say(said and set(said) == COMMANDS, f"{len(said)} steps run {len(COMMANDS)} commands, all of them a developer's", sorted(set(said) ^ COMMANDS))
    for name, lines in (("GitHub", hub), ("GitLab", lab)):
        report.say(parts() and not parts() - checked(lines), f"{name} runs every part of the checks of infra/", sorted(parts() - checked(lines)))
    report.say(not github(deploy), "GitHub: one place a run, approved, and never two at once", github(deploy))
    report.say(not gitlab_findings(gitlab), "GitLab: one place a job, approved, and never two at once", gitlab_findings(gitlab))
    versions(report, gitlab)
    broken(report)
    printed(report)


def parts():
    return set(re.findall(r'^    "(\w+)": ', Path(__file__).with_name("check.py").read_text(), re.M))


def checked(lines):
    """Parts that a pipeline's lines run: those of the gate, which is `make test`, and those that a line names."""
    tested = " ".join(re.findall(r"const \w+_THE_BUILD[^;]*;", (REPOSITORY / "dev/xtask/src/test/infra.rs").read_text()))
    named = {word for line in lines if line.startswith("python3 infra/tests/check.py ") for word in line.split()[2:]}
    return named | (set(re.findall(r'"(\w+)"', tested)) if ".ci/run" in lines else set())


def versions(report, gitlab):
    """Both pipelines have Terraform where they check it, the same one, and neither lets its checks be left out."""
    hub = load(next(path for path in WORKFLOWS if path.name == "check.yml"))["jobs"]["infrastructure"]
    there = [step["with"]["terraform_version"] for step in hub["steps"] if "terraform_version" in step.get("with", {})]
    fetched, checked_there = gitlab["terraform program"], gitlab["infrastructure"]
    here = fetched["image"]["name"].removeprefix("hashicorp/terraform:")
    folder = Path(fetched["artifacts"]["paths"][0]).parent
    finds = checked_there["needs"] == ["terraform program"] and checked_there["variables"].get("PATH", "").startswith(f"$CI_PROJECT_DIR/{folder}:")
    report.say(there == [here] and finds, f"both pipelines check with Terraform {here}", f"{there} {here} {checked_there}")
    lacking = [name for name, job in (("GitHub", hub), ("GitLab", checked_there)) if "DOMICILE_MAY_LACK" in json.dumps(job)]
    report.say(not lacking, "neither pipeline leaves Terraform unchecked", lacking)


def lint(report):
    files = [str(path) for path in WORKFLOWS]
    for schema, paths in (("vendor.github-workflows", files), ("vendor.gitlab-ci", [str(GITLAB)])):
        done = tools.run(tools.program("check-jsonschema", "lint"), "--builtin-schema", schema, *paths)
        report.say(done.returncode == 0, f"{schema.removeprefix('vendor.')}: what the schema asks", done.stdout)
    style = "{extends: relaxed, rules: {line-length: {max: 200}, truthy: disable, braces: {max-spaces-inside: 0}}}"
    others = [str(path) for folder in ("infra/k8s", "infra/monitoring", "infra/docker") for path in sorted((REPOSITORY / folder).rglob("*.yaml"))]
    done = tools.run(tools.program("yamllint", "lint"), "--strict", "-d", style, *files, GITLAB, *others)
    report.say(done.returncode == 0, f"yamllint on {len(files) + 1 + len(others)} files", done.stdout)
    done = tools.run(tools.program("zizmor", "lint"), "--offline", "--no-progress", "--persona", "regular", *files, env=os.environ | {"NO_COLOR": "1"})
    report.say(done.returncode == 0, "zizmor finds nothing in the workflows: actions by commit, no credentials kept, no text of an input in a shell", done.stdout)


def load(path):
    read = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    return json.loads(tools.run(tools.program("python", "lint"), "-c", read, input=path.read_text()).stdout)


def github(deploy):
    """What would let two places change at once, or one without approval."""
    wrong = []
    if deploy.get("concurrency") != {"group": "deploy-prod", "cancel-in-progress": False}:
        wrong.append("runs do not wait for each other")
    # YAML reads the word `on` as true.
    triggers = deploy.get("on") or deploy.get("true")
    if set(triggers) != {"workflow_dispatch"} or triggers["workflow_dispatch"]["inputs"]["place"]["options"] != PLACES:
        wrong.append("it does not take exactly one place from a person")
    for name, job in deploy["jobs"].items():
        if job.get("environment") != "prod-${{ inputs.place }}" or "strategy" in job:
            wrong.append(f"{name} is not approved in its one place's environment")
        takes = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("aws-actions/configure-aws-credentials@")]
        if job["permissions"].get("id-token") != "write" or takes != [{"role-to-assume": "${{ vars.DEPLOY_ROLE }}", "aws-region": "${{ vars.AWS_REGION }}"}] or "secrets." in json.dumps(job):
            wrong.append(f"{name} has a key, or no token of its environment")
    return wrong


def gitlab_findings(pipeline):
    wrong = []
    place = pipeline[".place"]
    if place.get("resource_group") != "deploy-prod" or any(rule.get("when") != "manual" for rule in place["rules"]):
        wrong.append("jobs do not wait for a person and for each other")
    if place.get("id_tokens") != {"PLACE_TOKEN": {"aud": "domicile-prod-$PLACE"}} or place["variables"].get("AWS_ROLE_ARN") != "$DEPLOY_ROLE" or "AWS_SECRET" in json.dumps(pipeline):
        wrong.append("a job has a key, or no token of its place")
    # The schema does not look into a job that others extend.
    described = [name for name, job in pipeline.items() if isinstance(job, dict) and name != "variables" for value in job.get("variables", {}).values() if isinstance(value, dict) and "description" in value]
    if described:
        wrong.append(f"GitLab refuses described variables in jobs: {described}")
    for kind in ("deploy", "roll-back"):
        for where in PLACES:
            job = pipeline.get(f"{kind} {where}", {})
            if job.get("variables") != {"PLACE": where} or job.get("environment", {}).get("name") != f"prod-{where}" or {"resource_group", "rules", "script"} & set(job):
                wrong.append(f"{kind} {where} is not a job of its own place")
    return wrong


def broken(report):
    """The two rules above, seen to find what they are for."""
    workflow, pipeline = next(path for path in WORKFLOWS if path.name == "deploy.yml"), GITLAB
    changes = [("a group for each place", workflow, "group: deploy-prod", "group: deploy-${{ inputs.place }}", github),
               ("no approval", workflow, "    environment: prod-${{ inputs.place }}\n", "", github),
               ("a key instead of a token", workflow, "          role-to-assume: ${{ vars.DEPLOY_ROLE }}\n", "          aws-access-key-id: ${{ secrets.KEY }}\n", github),
               ("a token for every place", pipeline, 'aud: "domicile-prod-$PLACE"', "aud: sts.amazonaws.com", gitlab_findings),
               ("a described variable in a job", pipeline, "    AWS_ROLE_ARN: $DEPLOY_ROLE\n", "    AWS_ROLE_ARN: {value: $DEPLOY_ROLE, description: role}\n", gitlab_findings),
               ("every push deploys", workflow, "on:\n", "on:\n  push:\n", github),
               ("a group for each place", pipeline, "resource_group: deploy-prod", "resource_group: $PLACE", gitlab_findings),
               ("no person", pipeline, "      when: manual\n", "", gitlab_findings)]
    with tempfile.TemporaryDirectory(prefix="domicile-pipelines-") as folder:
        for name, path, old, new, judge in changes:
            text = path.read_text()
            assert old in text, name
            copy = Path(folder) / path.name
            copy.write_text(text.replace(old, new, 1))
            report.say(judge(load(copy)), f"found: {name} in {path.name}", "no finding")


def printed(report):
    """The deployment's own script renders each place with the digest it was given, and refuses what is no place or no digest."""
    script, kubectl = REPOSITORY / "infra/deploy.sh", tools.kubectl()
    environment = os.environ | {"KUBECTL": str(kubectl)}
    for place in PLACES:
        done = tools.run(script, "--print", place, DIGEST, env=environment)
        images = set(re.findall(r"image: (\S+)", done.stdout))
        changed = {image for image in images if image.endswith(f"@{DIGEST}")}
        good = len(changed) == 1 and "/domicile/domicile@" in changed.pop() and not any("/domicile/domicile@" in image and DIGEST not in image for image in images)
        report.say(done.returncode == 0 and good, f"deploy.sh prints {place} with one image of the program, and changes no other", done.stdout[-400:] + str(images))
    for words in (["--print", "eu", DIGEST], ["--print", "us", "latest"], ["us"]):
        done = tools.run(script, *words, env=environment)
        report.say(done.returncode == 2 and "usage" in done.stdout, f"deploy.sh refuses `{' '.join(words)[:30]}`", done.stdout)
    order(report, script, kubectl)


def order(report, script, kubectl):
    """Which commands a deployment gives, in which order, from a kubectl that renders for real and writes the rest down."""
    with tempfile.TemporaryDirectory(prefix="domicile-deploy-") as folder:
        tape = Path(folder) / "tape"
        stand_in = Path(folder) / "kubectl"
        stand_in.write_text(f'#!/bin/sh\n[ "$1" = kustomize ] && exec {kubectl} "$@"\necho "$@" >> {tape}\ncase "$*" in *"get nodes"*) echo "$STANDS_IN" ;; esac\n')
        stand_in.chmod(0o755)
        environment = os.environ | {"KUBECTL": str(stand_in), "STANDS_IN": "ap-south-1 ap-south-1"}
        done = tools.run(script, "in", DIGEST, env=environment)
        steps = re.findall(r"(component=\S+|job/migrate|deployment/\S+|notin)", tape.read_text())
        wanted = ["notin", "component=migrate", "job/migrate", "component=backend", "deployment/backend", "component=worker", "deployment/worker",
                  "component=front-door", "deployment/front-door"]
        report.say(done.returncode == 0 and steps == wanted, "a deployment migrates, then rolls backend, worker and front door, each waited for", f"{steps} {done.stdout[-300:]}")
        tape.unlink()
        done = tools.run(script, "--roll-back", "in", env=environment)
        steps = re.findall(r"rollout (\w+) deployment/(\S+)", tape.read_text())
        report.say(done.returncode == 0 and [role for what, role in steps if what == "undo"] == ["front-door", "worker", "backend"], "a rollback goes the other way round", steps)
        tape.unlink()
        done = tools.run(script, "in", DIGEST, env=environment | {"STANDS_IN": "us-east-1"})
        report.say(done.returncode == 1 and "apply" not in tape.read_text(), "a context that leads to another region changes nothing there", done.stdout[-300:])
