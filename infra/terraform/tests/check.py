#!/usr/bin/env python3
"""Checks the Terraform tree without an account: format, plans of the roots, residency rules, module tests, mutations, a third region.

usage: check.py [--all] [fmt] [plans] [modules] [third] [mutations] [codes]   (no name: every step)

Production and the organization are planned always; --all plans dev and staging too, which are made of the same modules.
"""

import json
import os
import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import residency
from mutations import FOUND, REFUSED
from workspace import TREE, Missing, Workspace

WORKERS = 2
REPOSITORY = TREE.parent.parent


class Results:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def say(self, good, name, detail=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f"\n     {detail.strip()[-700:]}"), flush=True)


def roots(tree):
    return sorted(path.parent for path in tree.glob("envs/**/main.tf"))


def is_place(root):
    return (root.parent / "catalog.json").exists()


def each(function, things):
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(function, things))


def fmt(work, results):
    code, out = work.run(work.tree, "fmt", "-check", "-recursive", "-diff")
    results.say(code == 0, "terraform fmt", out)
    long = [f"{p}: {n} lines" for p in TREE.rglob("*.*") if p.suffix in (".tf", ".py", ".hcl") and ".terraform" not in p.parts
            if (n := len(p.read_text().splitlines())) > 400]
    results.say(not long, "no file above 400 lines", "\n".join(long))
    mute = [str(p) for p in TREE.rglob("*.tf") if ".terraform" not in p.parts and not p.read_text().startswith("# ")]
    results.say(not mute, "every file says what it is for", "\n".join(mute))


def plan_and_judge(work, root):
    """Findings of one root, or Terraform's complaint."""
    plan, said = work.plan(root)
    if plan is None:
        return None, said
    # The catalogs of a copy are those beside the copied root.
    tree = next(parent for parent in root.parents if (parent / "jurisdictions.json").exists())
    return (residency.check(plan, root, tree) if is_place(root) else []), said


def plans(work, results):
    def one(root):
        work.init(root)
        return plan_and_judge(work, root)

    all_roots = [root for root in roots(work.tree) if work.everything or root.parent.name not in ("dev", "staging")]
    for root, (findings, said) in zip(all_roots, each(one, all_roots)):
        name = root.relative_to(work.tree / "envs")
        results.say(findings == [], f"plan of {name}: " + (next(iter(re.findall(r"Plan: .*", said)), "no plan")),
                    said if findings is None else "\n".join(map(str, findings)))


def modules(work, results):
    def one(module):
        work.init(module, offline=False)
        return work.run(module, "test", "-no-color")

    tested = sorted({path.parent.parent for path in work.tree.glob("modules/*/tests/*.tftest.hcl")})
    for module, (code, out) in zip(tested, each(one, tested)):
        runs = re.findall(r'run "([^"]+)"\.\.\. pass', out)
        results.say(code == 0 and runs, f"terraform test {module.name}: {len(runs)} runs", out)


def judged(work, tree, root):
    where = tree / root
    if not (where / ".terraform").exists():
        work.init(where)
    return plan_and_judge(work, where)


def refused(work, together):
    """Whether Terraform refuses each of the mutations, made in one copy and planned once."""
    tree = work.branch()
    for mutation in together:
        mutation.apply(tree)
    findings, said = judged(work, tree, together[0].root)
    shutil.rmtree(tree.parent)
    flat = " ".join(said.replace("│", " ").split())
    return [(mutation, findings is None and all(part in flat for part in mutation.caught), said) for mutation in together]


def mutations(work, results):
    for root in sorted({m.root for m in REFUSED + FOUND}):
        work.init(work.tree / root)
    groups = {}
    for mutation in REFUSED:
        groups.setdefault(mutation.group or mutation.name, []).append(mutation)
    for answers in each(lambda together: refused(work, together), groups.values()):
        for mutation, good, said in answers:
            results.say(good, f"refused: {mutation.name}", said)

    # One plan holds all of a root's other mutations; each must have a finding of its own.
    for root in sorted({m.root for m in FOUND}):
        mine = [m for m in FOUND if m.root == root]
        tree = work.branch()
        for mutation in mine:
            mutation.apply(tree)
        work.init(tree / root)
        findings, said = judged(work, tree, root)
        for mutation in mine:
            rule, address = mutation.caught
            hits = [f for f in findings or [] if f.rule == rule and address in f.address]
            results.say(hits, f"found: {mutation.name}", said if findings is None else f"no finding {rule} at {address}")


def third(work, results):
    """A third region is one entry in the catalog and one folder with one module block; nothing else is edited."""
    tree = work.branch()
    catalog_file = tree / "envs/prod/catalog.json"
    catalog = json.loads(catalog_file.read_text())
    for number, entry in enumerate([catalog["control"], *catalog["regions"].values()]):
        entry["addresses"] = [f"198.51.100.{number * 10 + n}" for n in range(3)]
        entry["egress_addresses"] = [f"203.0.113.{number * 10 + n}" for n in range(3)]
        entry["name_servers"] = [f"ns-{number}{n}.example.net" for n in range(4)]
    catalog["regions"]["west"] = {"home": {"name": "us-west-2", "jurisdiction": "US", "account_id": "444444444443"},
                                  "name_servers": ["ns-90.example.net"], "addresses": ["198.51.100.90", "198.51.100.91"], "egress_addresses": ["203.0.113.90"]}
    catalog_file.write_text(json.dumps(catalog))
    old, new = tree / "envs/prod/us", tree / "envs/prod/west"
    new.mkdir()
    (new / "main.tf").write_text((old / "main.tf").read_text().replace('regions["us"]', 'regions["west"]').replace('code = "us"', 'code = "west"')
                                 .replace('"10.10.0.0/16"', '"10.12.0.0/16"'))
    (new / "backend.hcl").write_text((old / "backend.hcl").read_text().replace("us-east-1", "us-west-2").replace("prod-us", "prod-west")
                                     .replace("111111111113", "444444444443"))
    changed = sum(a != b for a, b in zip((old / "main.tf").read_text().splitlines(), (new / "main.tf").read_text().splitlines()))
    results.say(changed <= 3, f"a third region differs from its neighbour in {changed} lines")

    names = ["envs/prod/west", "envs/prod/in", "envs/prod/control", "envs/organization"]
    print("     planning four roots with a third region in the catalog", flush=True)
    answers = dict(zip(names, each(lambda name: judged(work, tree, name), names)))
    for name, (findings, said) in answers.items():
        results.say(findings == [], f"with a third region: {name} " + next(iter(re.findall(r"Plan: .*", said)), ""),
                    said if findings is None else "\n".join(map(str, findings)))
    said = answers["envs/organization"][1]
    results.say('region_lock["prod-west"]' in said, "the organization locks the third account to its region", said)
    said = answers["envs/prod/control"][1]
    results.say('aws_route53_record.region["west"]' in said and "203.0.113.90/32" in said, "the base domain delegates to it and the feed admits it", said)
    said = answers["envs/prod/in"][1]
    results.say('"198.51.100.90/32"' in said and '"0.0.0.0/0"' not in "".join(re.findall(r'aws_route\.egress.*?\n    }', said, re.S)),
                "India can carry streams to it, and reach nothing else new", said)


def codes(work, results):
    """What alarms and policies wait for is what the programs write and send."""
    text = (TREE / "modules/observability/alarms.tf").read_text()
    wanted = re.findall(r'code = "([a-z_]+)"', text)
    source = "".join(p.read_text() for crate in ("regions", "tenancy", "app") for p in (REPOSITORY / crate / "src").rglob("*.rs"))
    lost = [code for code in wanted if f'"{code}"' not in source]
    results.say(wanted and not lost, f"{len(wanted)} alarms wait for codes that the programs log", f"never logged: {lost}")
    contexts = re.findall(r"kms:EncryptionContext:(hc:\w+)", (TREE / "modules/region/access.tf").read_text())
    absent = [name for name in contexts if f'"{name}"' not in source]
    results.say(contexts and not absent, "the tenant key asks for the encryption context that the programs send", f"never sent: {absent}")


STEPS = {"fmt": fmt, "codes": codes, "plans": plans, "modules": modules, "third": third, "mutations": mutations}


def main():
    everything = "--all" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--all"] or list(STEPS)
    if unknown := [name for name in wanted if name not in STEPS]:
        sys.exit(f"{__doc__}\nunknown: {unknown}")
    results, began = Results(), time.monotonic()
    try:
        work = Workspace()
    except Missing as problem:
        return missing(problem)
    work.everything = everything
    try:
        for name in wanted:
            STEPS[name](work, results)
    except Missing as problem:
        return missing(problem)
    finally:
        work.close()
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed or not results.passed else 0


def missing(problem):
    """Without Terraform or its provider nothing is proved: say so. Whether that may pass is for infra/tests/check.py to say."""
    print(f"NOT CHECKED: {problem}\nInstall terraform, and put the provider into a folder named by TF_PROVIDER_MIRROR or allow the network.")
    return NOT_CHECKED


# The exit code that says that a tool was missing.
NOT_CHECKED = 3

if __name__ == "__main__":
    sys.exit(main())
