"""The Terraform tree: its own suite, a round trip on an emulator, and checkov."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import tools

TREE = Path(__file__).resolve().parent.parent / "terraform"
NOT_CHECKED = 3
PLANS_LIMIT_SECONDS = 1200
EMULATOR_LIMIT_SECONDS = 900
CHECKOV_LIMIT_SECONDS = 600


def suite(report, part, arguments, limit, environment=()):
    """Runs a script of terraform/tests and takes over its lines."""
    words = [sys.executable, str(TREE / "tests" / arguments[0]), *arguments[1:]]
    process = subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | dict(environment))
    lines, counted = [], False
    try:
        for line in process.stdout:
            lines.append(line)
            if counts := re.fullmatch(r"(\d+) passed, (\d+) failed\n", line):
                report.passed, report.failed, counted = report.passed + int(counts[1]), report.failed + int(counts[2]), True
            else:
                report.write(line.rstrip("\n"))
        code = process.wait(timeout=limit)
    finally:
        process.kill()
    if code == NOT_CHECKED:
        raise tools.Missing(" ".join(line.strip() for line in lines if line.startswith("NOT CHECKED"))[13:] or "see above")
    if not counted:
        report.say(False, part, "".join(lines)[-2000:])


def access(report, everything):
    """What alarms wait for is logged, and roles may do what the programs ask: read from the sources, without Terraform."""
    suite(report, "access", ["check.py", "codes", "permissions"], PLANS_LIMIT_SECONDS)


def plans(report, everything):
    steps = ["fmt", "plans", "modules", "third", "mutations"]
    suite(report, "terraform", ["check.py", *steps, *(["--all"] if everything else [])], PLANS_LIMIT_SECONDS)


def emulator(report, everything):
    """One emulated region; two of them with --all, which differ in their code only."""
    roots = ["envs/dev/us", "envs/dev/in"] if everything else ["envs/dev/in"]
    suite(report, "emulator", ["emulator.py", *roots], EMULATOR_LIMIT_SECONDS, {"MOTO_SERVER": str(tools.program("moto_server", "moto"))})


def checkov(report, everything):
    """Production is scanned with every module it is made of; the other environments are the same modules."""
    skipped = [] if everything else ["--skip-path", "envs/dev", "--skip-path", "envs/staging"]
    run_checkov(report, "terraform", TREE, skipped)


def run_checkov(report, framework, folder, options=()):
    done = tools.run(tools.program("checkov", "checkov"), "-d", folder, "--framework", framework, "--compact", "--quiet", "--skip-download", "-o", "json",
                     *options, timeout=CHECKOV_LIMIT_SECONDS, stderr=subprocess.DEVNULL)
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError:
        report.say(False, f"checkov on {framework}", done.stdout)
        return
    results = answer if isinstance(answer, list) else [answer]
    summary = {key: sum(one["summary"][key] for one in results) for key in ("passed", "failed", "skipped")}
    found = [f"{check['check_id']} {check['resource']} {check['file_path']}: {check['check_name']}" for one in results for check in one["results"]["failed_checks"]]
    report.say(summary["passed"] and not found, f"checkov on {framework}: {summary['passed']} checks passed, {summary['skipped']} suppressed with a reason", "\n".join(found))
