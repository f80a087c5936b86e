#!/usr/bin/env python3
"""Checks everything under infra/ without an account, a cluster or a container engine.

usage: check.py [--all] [PART ...]      no part: every part; --all: also what takes long (dev and staging plans, a second emulated region)

Tools come from the machine or are installed, pinned by hash, into a cache (DOMICILE_TOOLS_DIR). What cannot be had is said and counted.
"""

import sys
import threading

import images
import kubernetes
import monitoring
import pipelines
import runbooks
import terraform
from report import Report
from tools import Missing

PARTS = {
    "access": terraform.access,
    "terraform": terraform.plans,
    "emulator": terraform.emulator,
    "checkov": terraform.checkov,
    "images": images.check,
    "kubernetes": kubernetes.check,
    "configurations": kubernetes.configurations,
    "monitoring": monitoring.check,
    "pipelines": pipelines.check,
    "runbooks": runbooks.check,
}


def main():
    wanted = [name for name in sys.argv[1:] if name != "--all"] or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        sys.exit(f"{__doc__}\nunknown: {' '.join(unknown)}; parts: {' '.join(PARTS)}")
    report, everything = Report(), "--all" in sys.argv
    # The emulator mostly waits, so it runs beside the others; its lines come last.
    beside = Report(quiet=True)
    waiting = threading.Thread(target=run, args=("emulator", beside, everything))
    if "emulator" in wanted:
        waiting.start()
    for name in wanted:
        if name != "emulator":
            run(name, report, everything)
    if "emulator" in wanted:
        waiting.join()
        report.take(beside)
    return report.conclude()


def run(name, report, everything):
    report.write(f"\n-- {name}")
    try:
        PARTS[name](report, everything)
    except Missing as problem:
        report.lacks(name, problem)
    except Exception as problem:  # noqa: BLE001 one part that breaks must not hide what the others find
        report.say(False, f"{name} broke", f"{type(problem).__name__}: {problem}")


if __name__ == "__main__":
    sys.exit(main())
