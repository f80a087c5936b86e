#!/usr/bin/env python3
"""Checks the Terraform tree without an account: format, plans of the roots, residency rules, module tests, mutations, a third region.

usage: check.py [--all] [fmt] [plans] [modules] [third] [mutations] [codes] [permissions]   (no name: every step)

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

# A plan takes one core for a while, so as many run at once as there are cores; what a step submits waits for no other step.
WORKERS = os.cpu_count() or 2
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


def prepare(work, wanted):
    """Initialises once what the wanted steps plan: their copies take it over with the rest of the tree."""
    places, modules = set(), set()
    if "plans" in wanted:
        places |= set(planned(work))
    if "third" in wanted:
        places |= {work.tree / name for name in THIRD if name != WEST}
    if "mutations" in wanted:
        places |= {work.tree / mutation.root for mutation in REFUSED + FOUND}
    if "modules" in wanted:
        modules |= set(tested(work))
    wanting = sorted(places | modules)
    # The first fetches the provider where there is no mirror; Terraform's cache stands one writer only.
    for where in wanting[:1]:
        work.init(where, offline=where in places)
    list(work.pool.map(lambda where: work.init(where, offline=where in places), wanting[1:]))


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


def planned(work):
    return [root for root in roots(work.tree) if work.everything or root.parent.name not in ("dev", "staging")]


def plans(work, results):
    answers = {root: work.pool.submit(plan_and_judge, work, root) for root in planned(work)}

    def report():
        for root, answer in answers.items():
            findings, said = answer.result()
            name = root.relative_to(work.tree / "envs")
            results.say(findings == [], f"plan of {name}: " + (next(iter(re.findall(r"Plan: .*", said)), "no plan")),
                        said if findings is None else "\n".join(map(str, findings)))
    return report


def tested(work):
    return sorted({path.parent.parent for path in work.tree.glob("modules/*/tests/*.tftest.hcl")})


def modules(work, results):
    answers = {module: work.pool.submit(work.run, module, "test", "-no-color") for module in tested(work)}

    def report():
        for module, answer in answers.items():
            code, out = answer.result()
            runs = re.findall(r'run "([^"]+)"\.\.\. pass', out)
            results.say(code == 0 and runs, f"terraform test {module.name}: {len(runs)} runs", out)
    return report


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


def found(work, root):
    """One plan holds all of a root's other mutations; each must have a finding of its own."""
    tree = work.branch()
    for mutation in FOUND:
        if mutation.root == root:
            mutation.apply(tree)
    work.init(tree / root)
    return judged(work, tree, root)


def mutations(work, results):
    groups = {}
    for mutation in REFUSED:
        groups.setdefault(mutation.group or mutation.name, []).append(mutation)
    found_in = {root: work.pool.submit(found, work, root) for root in sorted({m.root for m in FOUND})}
    refusals = [work.pool.submit(refused, work, together) for together in groups.values()]

    def report():
        for answers in refusals:
            for mutation, good, said in answers.result():
                results.say(good, f"refused: {mutation.name}", said)
        for mutation in FOUND:
            findings, said = found_in[mutation.root].result()
            rule, address = mutation.caught
            hits = [f for f in findings or [] if f.rule == rule and address in f.address]
            results.say(hits, f"found: {mutation.name}", said if findings is None else f"no finding {rule} at {address}")
    return report


WEST = "envs/prod/west"
THIRD = [WEST, "envs/prod/in", "envs/prod/control", "envs/organization"]


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

    waiting = {name: work.pool.submit(judged, work, tree, name) for name in THIRD}
    return lambda: report_third({name: answer.result() for name, answer in waiting.items()}, results)


def report_third(answers, results):
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


# What a call of the AWS SDKs asks of IAM. None: people make it by hand, under a role of theirs.
PERMISSIONS = {
    "abort_multipart_upload": ["s3:AbortMultipartUpload"],
    "complete_multipart_upload": ["s3:PutObject"],
    "create_alias": ["kms:CreateAlias"],
    "create_key": ["kms:CreateKey"],
    "create_multipart_upload": ["s3:PutObject"],
    "decrypt": ["kms:Decrypt"],
    "delete_object": ["s3:DeleteObjectVersion"],
    "describe_key": ["kms:DescribeKey"],
    "generate_data_key": ["kms:GenerateDataKey"],
    "get_bucket_location": ["s3:GetBucketLocation"],
    "get_object": ["s3:GetObject", "s3:GetObjectVersion"],
    "get_object_lock_configuration": ["s3:GetBucketObjectLockConfiguration"],
    "get_object_retention": None,
    "get_public_key": ["kms:GetPublicKey"],
    "head_bucket": ["s3:ListBucket"],
    "head_object": ["s3:GetObject"],
    "list_multipart_uploads": ["s3:ListBucketMultipartUploads"],
    "list_object_versions": ["s3:ListBucketVersions"],
    "publish": ["sns:Publish"],
    "put_object": ["s3:PutObject", "s3:PutObjectRetention"],
    "rotate_key_on_demand": None,
    "schedule_key_deletion": ["kms:ScheduleKeyDeletion"],
    "sign": ["kms:Sign"],
    "upload_part": ["s3:PutObject"],
}
# What is asked of other things that are called a client.
NOT_AWS = {"as_ref", "is_closed", "transaction"}


def permissions(work, results):
    """The programs' roles may do what the programs ask of S3, KMS and SNS, and nothing that they never ask."""
    source = "".join(p.read_text() for p in (REPOSITORY / "tenancy/src").rglob("*.rs"))
    calls = set(re.findall(r"\bclient\s*\.(\w+)\(\)", source)) - NOT_AWS
    results.say(calls == set(PERMISSIONS), f"{len(calls)} kinds of calls to S3, KMS and SNS have been looked at", f"{sorted(calls ^ set(PERMISSIONS))}")
    access = (TREE / "modules/region/access.tf").read_text()
    asked = {action for call in calls for action in PERMISSIONS.get(call) or ()}
    given = set(re.findall(r'"((?:s3|kms|sns):[A-Z]\w+)"', access))
    # Condition keys of KMS look like actions.
    given -= {"kms:ViaService", "kms:EncryptionContext", "kms:SigningAlgorithm", "kms:MessageType", "kms:ResourceAliases", "kms:KeySpec", "kms:MultiRegion"}
    results.say(asked == given, "the programs' roles may do what the programs ask of S3, KMS and SNS, and no more", f"missing {sorted(asked - given)}, never asked {sorted(given - asked)}")


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


# These read files and need no Terraform.
READING = {"codes", "permissions"}
STEPS = {"fmt": fmt, "codes": codes, "permissions": permissions, "plans": plans, "modules": modules, "third": third, "mutations": mutations}


def main():
    everything = "--all" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--all"] or list(STEPS)
    if unknown := [name for name in wanted if name not in STEPS]:
        sys.exit(f"{__doc__}\nunknown: {unknown}")
    results, began = Results(), time.monotonic()
    for name in wanted:
        if name in READING:
            STEPS[name](None, results)
    try:
        with_terraform([name for name in wanted if name not in READING], everything, results)
    except Missing as problem:
        return missing(problem)
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed or not results.passed else 0


def with_terraform(wanted, everything, results):
    if not wanted:
        return
    work = Workspace()
    work.everything, work.pool = everything, ThreadPoolExecutor(WORKERS)
    try:
        prepare(work, wanted)
        # A step that plans comes back at once with what will report it.
        for report in [STEPS[name](work, results) for name in wanted]:
            if report:
                report()
    finally:
        work.pool.shutdown(cancel_futures=True)
        work.close()


def missing(problem):
    """Without Terraform or its provider nothing is proved: say so. Whether that may pass is for infra/tests/check.py to say."""
    print(f"NOT CHECKED: {problem}\nInstall terraform, and put the provider into a folder named by TF_PROVIDER_MIRROR or allow the network.")
    return NOT_CHECKED


# The exit code that says that a tool was missing.
NOT_CHECKED = 3

if __name__ == "__main__":
    sys.exit(main())
