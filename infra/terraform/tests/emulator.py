#!/usr/bin/env python3
"""Applies the development roots to a local AWS emulator (moto): apply, a second plan that changes nothing, destroy, in two regions.

usage: emulator.py [ROOT ...]     needs `moto_server` (pip install 'moto[server]'), which MOTO_SERVER may name

moto is lax where AWS is strict, so this shows that the configuration can be carried out, repeated and undone. It shows nothing about
encryption, permissions or isolation. What moto cannot do is in UNSUPPORTED, each with the reason, and is left out with what needs it.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from check import NOT_CHECKED
from workspace import Missing, Workspace

ROOTS = ["envs/dev/us", "envs/dev/in"]
START_LIMIT_SECONDS = 30

# By type.
UNSUPPORTED = {
    "aws_ebs_snapshot_block_public_access": "moto has no EnableSnapshotBlockPublicAccess",
    "aws_ec2_image_block_public_access": "moto has no EnableImageBlockPublicAccess",
    "aws_ebs_default_kms_key": "moto has no GetEbsDefaultKmsKeyId",
    "aws_securityhub_account": "moto has no UpdateSecurityHubConfiguration",
    "aws_securityhub_standards_subscription": "needs the Security Hub account above",
    "aws_accessanalyzer_analyzer": "moto has no Access Analyzer",
    "aws_guardduty_detector_feature": "moto loses features that are set at the same time",
    "aws_s3_account_public_access_block": "its host name starts with the account's id, which an emulator on a loopback address has not",
    "aws_eks_addon": "moto has no CreateAddon",
    "aws_eks_node_group": "waits for the add-on vpc-cni",
    "aws_eks_pod_identity_association": "moto has no CreatePodIdentityAssociation",
    "aws_backup_vault": "moto has no ListRecoveryPointsByBackupVault, which deleting it asks",
    "aws_backup_plan": "needs the vault",
    "aws_backup_vault_policy": "moto has no PutBackupVaultAccessPolicy",
    "aws_backup_selection": "moto fails in CreateBackupSelection",
    "aws_backup_vault_notifications": "moto has no PutBackupVaultNotifications",
    "aws_budgets_budget": "moto has no DescribeSubscribersForNotification",
    "aws_cloudtrail": "moto fails in StartLogging for a trail of all regions",
}

# Attributes that moto takes and does not give back, by type; a second plan that changes anything else fails.
FORGOTTEN = {
    "aws_eks_cluster": {"access_config", "kubernetes_network_config", "upgrade_policy", "vpc_config", "tags"},
    "aws_kms_key": {"rotation_period_in_days"},
    # It gives the default tags back as tags of the template itself.
    "aws_launch_template": {"tag_specifications"},
    "aws_lb": {"subnet_mapping", "subnets"},
    # It invents one, as of Aurora's first serverless kind.
    "aws_rds_cluster": {"scaling_configuration"},
    "aws_rds_cluster_instance": {"monitoring_interval", "monitoring_role_arn", "performance_insights_enabled", "performance_insights_kms_key_id"},
    # The same JSON with other spaces.
    "aws_sqs_queue": {"redrive_policy"},
    "aws_vpc_endpoint": {"dns_options"},
    "aws_vpc_security_group_egress_rule": {"description"},
    "aws_vpc_security_group_ingress_rule": {"description"},
}

# Key policies whose refusals have conditions: moto refuses without looking at them, so in the copy they aim at no action that exists.
CONDITIONAL_REFUSAL = re.compile(r'(Effect    = "Deny"\n\s+Principal = \{ AWS = "\*" \}\n\s+Action    = )"kms:\*"')

LOCAL = """
terraform {
  backend "local" {}
}

provider "aws" {
  access_key                  = "local"
  secret_key                  = "local"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  max_retries                 = 2
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(log, account):
    server = os.environ.get("MOTO_SERVER") or shutil.which("moto_server")
    if not server:
        raise Missing("moto_server is not installed: pip install 'moto[server]'")
    port = free_port()
    process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
                               env=os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACCOUNT_ID": account})
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=2)
            return process, f"http://127.0.0.1:{port}"
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                raise Missing("moto_server does not start")
            time.sleep(0.2)
    process.terminate()
    raise Missing("moto_server does not answer")


def without_unsupported(plan):
    """Targets for everything that is planned and that moto can do."""
    kinds = {change["address"]: change["type"] for change in plan["resource_changes"] if change["mode"] == "managed"}
    kept = [address for address, kind in kinds.items() if kind not in UNSUPPORTED]
    return kept, len(kinds) - len(kept)


def unexplained(plan):
    """What a second plan would change and the table of what moto forgets does not explain: type and attribute."""
    odd = set()
    for change in plan["resource_changes"]:
        before, after, unknown = (change["change"][part] or {} for part in ("before", "after", "after_unknown"))
        if change["mode"] != "managed" or change["type"] in UNSUPPORTED or change["change"]["actions"] == ["no-op"]:
            continue
        changed = {name for name in after if (after[name] or None) != (before.get(name) or None)}
        # What is not known yet follows from what differs; alone it would be a difference of its own.
        changed = changed or {name for name, value in unknown.items() if value is True}
        for name in sorted(changed or {"everything"}):
            if name not in FORGOTTEN.get(change["type"], {}):
                odd.add(f"{change['type']}.{name} {'/'.join(change['change']['actions'])}")
    return sorted(odd)


def main():
    names = sys.argv[1:] or ROOTS
    try:
        with ThreadPoolExecutor(len(names)) as pool:
            good = list(pool.map(one_place, names))
    except Missing as problem:
        print(f"NOT CHECKED: {problem}")
        return NOT_CHECKED
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


def one_place(name):
    """Each place has an emulator of its own that knows one account, as the provider demands."""
    work = Workspace()
    root = work.tree / name
    catalog = json.loads((root.parent / "catalog.json").read_text())
    entry = catalog["control"] if root.name == "control" else catalog["regions"][root.name]
    try:
        with open(work.dir / "moto.log", "w") as log:
            process, address = start(log, entry["home"]["account_id"])
            try:
                return round_trip(work, root, name, address)
            finally:
                process.terminate()
                process.wait(timeout=10)
    finally:
        work.close()


def round_trip(work, root, name, address):
    work.init(root)
    (root / "offline_override.tf").write_text(LOCAL)
    keys = work.tree / "modules/key/keys.tf"
    keys.write_text(CONDITIONAL_REFUSAL.sub(r'\1"kms:None"', keys.read_text()))
    work.env["AWS_ENDPOINT_URL"] = address
    plan, said = work.plan(root)
    if plan is None:
        print(f"FAIL {name}: {said[-2000:]}")
        return False
    kept, left_out = without_unsupported(plan)
    targets = [f"-target={target}" for target in kept]
    options = ["-no-color", "-input=false", "-lock=false", "-parallelism=40"]

    began = time.monotonic()
    code, said = work.run(root, "apply", "-auto-approve", *options, *targets)
    if code:
        errors = re.findall(r"Error: .*(?:\n.*){0,6}", said)
        print(f"FAIL {name}: apply\n" + "\n".join(errors)[-12000:])
        return False
    print(f"ok   {name}: {' '.join(re.findall(r'Apply complete!.*', said))} ({left_out} left out) {time.monotonic() - began:.0f} s")

    again, said = work.plan(root, *targets)
    odd = unexplained(again) if again else [said[-2000:]]
    good = not odd
    print(f"{'ok  ' if good else 'FAIL'} {name}: a second plan changes nothing but what moto forgets" + "".join(f"\n     {line}" for line in odd))

    code, said = work.run(root, "destroy", "-auto-approve", *options)
    print(f"{'ok  ' if code == 0 else 'FAIL'} {name}: " + (" ".join(re.findall(r"Destroy complete!.*", said)) or said[-3000:]))
    return good and code == 0


if __name__ == "__main__":
    sys.exit(main())
