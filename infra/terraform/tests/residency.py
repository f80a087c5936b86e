#!/usr/bin/env python3
"""Judges a Terraform plan by the residency rules: python3 residency.py PLAN.json ROOT. Pipelines run it before each apply."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent

# A region's name wherever it stands: an ARN, an endpoint, a service name, a zone.
REGION = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)-(?:gov-|iso[a-z]?-)?(?:north|south|east|west|central)(?:east|west)?-\d(?=\b|[a-z]\b)")
ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")

# What moves or shows data elsewhere by its very nature; the reason is printed with the finding.
FORBIDDEN = {
    "aws_s3_bucket_replication_configuration": "copies objects to another bucket",
    "aws_s3control_multi_region_access_point": "serves a bucket from several regions",
    "aws_s3_bucket_accelerate_configuration": "takes uploads in at edge locations abroad",
    "aws_s3_bucket_website_configuration": "publishes a bucket",
    "aws_s3_bucket_acl": "ACLs can make objects public",
    "aws_kms_replica_key": "copies a key to another region",
    "aws_kms_replica_external_key": "copies a key to another region",
    "aws_kms_external_key": "imports key material that can exist elsewhere",
    "aws_rds_global_cluster": "replicates a database to other regions",
    "aws_db_instance_automated_backups_replication": "copies backups to another region",
    "aws_db_snapshot_copy": "copies a snapshot",
    "aws_rds_cluster_snapshot_copy": "copies a snapshot",
    "aws_rds_export_task": "exports a database",
    "aws_ebs_snapshot_copy": "copies a disk",
    "aws_ami_copy": "copies an image",
    "aws_ecr_replication_configuration": "copies images to other regions",
    "aws_ecr_pull_through_cache_rule": "makes the region pull from elsewhere",
    "aws_dynamodb_table_replica": "replicates a table",
    "aws_dynamodb_global_table": "replicates a table",
    "aws_route53_health_check": "is what failover between regions is made of",
    "aws_route53_traffic_policy": "routes names between regions",
    "aws_route53_traffic_policy_instance": "routes names between regions",
    "aws_route53recoverycontrolconfig_cluster": "switches traffic between regions",
    "aws_globalaccelerator_accelerator": "brings clients in through other regions",
    "aws_cloudfront_distribution": "terminates TLS outside the region",
    "aws_vpc_peering_connection": "joins networks of two regions",
    "aws_vpc_peering_connection_accepter": "joins networks of two regions",
    "aws_ec2_transit_gateway_peering_attachment": "joins networks of two regions",
    "aws_securityhub_finding_aggregator": "copies findings to another region",
    "aws_config_configuration_aggregator": "copies configuration to another region",
    "aws_oam_link": "shows logs and metrics to another account",
    "aws_oam_sink": "takes logs and metrics of other accounts",
    "aws_cloudwatch_log_subscription_filter": "streams logs out of the group",
    "aws_cloudwatch_log_destination": "takes logs of other accounts",
    "aws_cloudwatch_metric_stream": "streams metrics out",
    "aws_dms_replication_task": "copies a database",
    "aws_datasync_task": "copies files",
    "aws_ram_resource_share": "shares resources with another account",
    "aws_iam_user": "has keys that do not expire",
    "aws_iam_access_key": "does not expire",
}


@dataclass(frozen=True)
class Finding:
    rule: str
    address: str
    reason: str

    def __str__(self):
        return f"{self.rule}: {self.address}: {self.reason}"


@dataclass(frozen=True)
class Place:
    """Where a root's things belong, from its catalog and the table of jurisdictions."""

    home: dict
    allowed_regions: frozenset
    jurisdiction_regions: frozenset
    log_days: int
    audit_days: int
    zone: str
    name: str
    is_control: bool


def place_of(root, tree=TREE):
    catalog = json.loads((root.parent / "catalog.json").read_text())
    code = root.name
    entry = catalog["control"] if code == "control" else catalog["regions"][code]
    law = json.loads((tree / "jurisdictions.json").read_text())[entry["home"]["jurisdiction"]]
    return Place(
        home={**entry["home"], "code": code},
        allowed_regions=frozenset([entry["home"]["name"], *entry.get("backup", [])]),
        jurisdiction_regions=frozenset(law["regions"]),
        log_days=law["log_days"],
        audit_days=law["audit_days"],
        zone=catalog["base"] if code == "control" else f"{code}.{catalog['base']}",
        name=f"{catalog['environment']}-{code}",
        is_control=code == "control",
    )


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def managed(plan):
    for change in plan.get("resource_changes", []):
        if change["mode"] == "managed" and change["change"]["after"] is not None:
            yield change["address"], change["type"], change["change"]["after"], change["change"]["after_unknown"] or {}


def data_regions(module):
    for resource in module.get("resources", []):
        if resource["type"] == "aws_region":
            yield resource["address"], resource["values"]["name"]
    for child in module.get("child_modules", []):
        yield from data_regions(child)


def provider_findings(plan, place, root):
    """One provider, of the home region, in the root; it refuses other accounts; the state lies at home too."""
    configs = [c for c in plan["configuration"]["provider_config"].values() if c["full_name"].endswith("hashicorp/aws")]
    for config in configs:
        where = config.get("module_address", "root")
        name = f"provider {where}.{config['name']}{'.' + config['alias'] if config.get('alias') else ''}"
        if len(configs) > 1:
            yield Finding("one-provider", name, "a root has one provider, so that nothing can be put elsewhere by a word")
        region = config.get("expressions", {}).get("region", {})
        if region.get("references", [None])[0] != "local.home.name" and region.get("constant_value") != place.home["name"]:
            yield Finding("provider-region", name, f"the region is not local.home.name: {json.dumps(region)}")
    if not configs:
        yield Finding("provider-region", "root", "no provider is configured here")
    source = "".join(path.read_text() for path in sorted(root.glob("*.tf")) if not path.name.endswith("_override.tf"))
    if not re.search(r"allowed_account_ids\s*=\s*\[local\.home\.account_id\]", source):
        yield Finding("provider-account", str(root.name), "the provider accepts other accounts")
    state = dict(re.findall(r'^(\w+)\s*=\s*"?([^"\n]+?)"?$', (root / "backend.hcl").read_text(), re.M))
    if state.get("region") != place.home["name"] or not state.get("bucket", "").endswith(place.home["account_id"]):
        yield Finding("state-elsewhere", str(root.name), f"the state lies in {state.get('region')}, bucket {state.get('bucket')}")
    regions = list(data_regions(plan.get("prior_state", {}).get("values", {}).get("root_module", {})))
    if not regions:
        yield Finding("provider-region", "data.aws_region", "the plan does not show which region the provider has")
    for address, name in regions:
        if name != place.home["name"]:
            yield Finding("provider-region", address, f"this part is in {name}")


def text_findings(address, after, place):
    """No other region and no other account is named anywhere in what is planned."""
    for text in strings(after):
        for region in REGION.findall(text):
            if region not in place.allowed_regions:
                yield Finding("other-region", address, f"names {region}: {text[:120]}")
        for account in ACCOUNT.findall(text):
            if account != place.home["account_id"]:
                yield Finding("other-account", address, f"names account {account}: {text[:120]}")


def kms_findings(address, after, unknown, place):
    if after.get("multi_region") is not False:
        yield Finding("multi-region-key", address, "the key could be replicated")
    # KMS rotates no key that signs.
    if after.get("enable_key_rotation") is not True and after.get("key_usage") != "SIGN_VERIFY":
        yield Finding("key-rotation", address, "the key does not rotate")
    if '"kms:ReplicateKey"' not in (after.get("policy") or ""):
        yield Finding("multi-region-key", address, "the policy does not deny replication")


def log_findings(address, after, unknown, place):
    days = after.get("retention_in_days") or 0
    if days < place.log_days:
        yield Finding("log-retention", address, f"{days} days; the floor of {place.home['jurisdiction']} is {place.log_days}")
    if not after.get("kms_key_id") and not unknown.get("kms_key_id"):
        yield Finding("log-key", address, "the group has no key of ours")


def record_findings(address, after, unknown, place):
    for attribute, value in after.items():
        if (attribute.endswith("_routing_policy") or attribute in ("set_identifier", "health_check_id")) and value:
            yield Finding("dns-routing", address, f"{attribute} could answer with another region")
    name = after.get("name")
    if name and name != place.zone and not name.endswith("." + place.zone):
        yield Finding("dns-name", address, f"{name} is not a name of {place.zone}")
    if not place.is_control and after.get("type") == "NS":
        yield Finding("dns-name", address, "a region delegates nothing")


def zone_findings(address, after, unknown, place):
    if after.get("name") != place.zone:
        yield Finding("dns-name", address, f"{after.get('name')} is not {place.zone}")


def secret_findings(address, after, unknown, place):
    if after.get("replica"):
        yield Finding("secret-replica", address, "the secret is copied to another region")


def database_findings(address, after, unknown, place):
    for attribute in ("replication_source_identifier", "global_cluster_identifier", "source_region", "snapshot_identifier"):
        if after.get(attribute):
            yield Finding("database-copy", address, f"{attribute} is set")
    if after.get("enable_global_write_forwarding"):
        yield Finding("database-copy", address, "global write forwarding is on")
    if after.get("restore_to_point_in_time") or after.get("s3_import"):
        yield Finding("database-copy", address, "the database is filled from elsewhere")
    if after.get("storage_encrypted") is not True:
        yield Finding("database-key", address, "storage is not encrypted")
    if (after.get("backup_retention_period") or 0) < 7:
        yield Finding("database-backup", address, "point-in-time recovery reaches back less than 7 days")


def instance_findings(address, after, unknown, place):
    if after.get("publicly_accessible") is not False:
        yield Finding("public", address, "the database is reachable from the internet")


def backup_findings(address, after, unknown, place):
    plans_unknown = unknown.get("rule") or []
    for index, rule in enumerate(after.get("rule") or []):
        for copy in rule.get("copy_action") or []:
            arn = copy.get("destination_vault_arn")
            region = arn.split(":")[3] if arn else "a place that is not known yet"
            if region not in place.jurisdiction_regions or region not in place.allowed_regions:
                yield Finding("backup-copy", address, f"backups are copied to {region}")
        if index < len(plans_unknown) and plans_unknown[index] is True:
            yield Finding("backup-copy", address, "the plan does not show where backups go")


def subscription_findings(address, after, unknown, place):
    if after.get("protocol") not in ("email", "sqs"):
        yield Finding("alarm-elsewhere", address, f"alarms leave by {after.get('protocol')}")


def route_findings(address, after, unknown, place):
    destination = after.get("destination_cidr_block") or ""
    if destination.endswith("/0") and not (after.get("gateway_id") or unknown.get("gateway_id")):
        yield Finding("default-route", address, "pods could reach any address")
    if unknown.get("nat_gateway_id") and not destination.endswith("/32"):
        yield Finding("default-route", address, f"{destination} is more than one address")


def egress_rule_findings(address, after, unknown, place):
    if (after.get("cidr_ipv4") or "").endswith("/0") or after.get("cidr_ipv6"):
        yield Finding("default-route", address, "any address may be connected to")


def cluster_findings(address, after, unknown, place):
    for network in after.get("vpc_config") or []:
        if network.get("endpoint_public_access") is not False:
            yield Finding("public", address, "the Kubernetes API is on the internet")


def listener_findings(address, after, unknown, place):
    if not place.is_control and after.get("protocol") != "TCP":
        yield Finding("tls-opened", address, f"{after.get('protocol')} would be opened before the front door")


def trail_findings(address, after, unknown, place):
    if after.get("enable_log_file_validation") is not True:
        yield Finding("trail", address, "digests are not written")


def block_findings(address, after, unknown, place):
    for attribute in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"):
        if after.get(attribute) is not True:
            yield Finding("public", address, f"{attribute} is off")


def lock_findings(address, after, unknown, place):
    for rule in after.get("rule") or []:
        for retention in rule.get("default_retention") or []:
            if retention.get("mode") != "COMPLIANCE" or (retention.get("days") or 0) < place.audit_days:
                yield Finding("audit-lock", address, f"{retention.get('mode')} for {retention.get('days')} days")


def target_findings(address, after, unknown, place):
    if after.get("role_arn"):
        yield Finding("alarm-elsewhere", address, "a role lets events go to a bus elsewhere")


def trust_findings(address, after, unknown, place):
    """Who takes a role with a token of the Git host shows one that names this place, without a wildcard."""
    for statement in json.loads(after.get("assume_role_policy") or "{}").get("Statement", []):
        if "Federated" in statement.get("Principal", {}):
            wanted = {key.rpartition(":")[2]: value for key, value in statement.get("Condition", {}).get("StringEquals", {}).items()}
            here = re.compile(rf"(?<![a-z0-9]){re.escape(place.name)}(?![a-z0-9-])")
            if set(wanted) != {"aud", "sub"} or not any(here.search(str(value)) for value in wanted.values()):
                yield Finding("pipeline-trust", address, f"takes tokens that do not name {place.name}: {json.dumps(wanted)}")


RULES = {
    "aws_iam_role": trust_findings,
    "aws_kms_key": kms_findings,
    "aws_cloudwatch_log_group": log_findings,
    "aws_route53_record": record_findings,
    "aws_route53_zone": zone_findings,
    "aws_secretsmanager_secret": secret_findings,
    "aws_rds_cluster": database_findings,
    "aws_rds_cluster_instance": instance_findings,
    "aws_backup_plan": backup_findings,
    "aws_sns_topic_subscription": subscription_findings,
    "aws_route": route_findings,
    "aws_vpc_security_group_egress_rule": egress_rule_findings,
    "aws_eks_cluster": cluster_findings,
    "aws_lb_listener": listener_findings,
    "aws_cloudtrail": trail_findings,
    "aws_s3_bucket_public_access_block": block_findings,
    "aws_s3_account_public_access_block": block_findings,
    "aws_s3_bucket_object_lock_configuration": lock_findings,
    "aws_cloudwatch_event_target": target_findings,
}

BUCKET_PARTS = (
    "aws_s3_bucket_policy", "aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning", "aws_s3_bucket_ownership_controls", "aws_s3_bucket_lifecycle_configuration",
)


def bucket_findings(resources, place):
    """Each bucket has every part; a region has its locked audit bucket; the control plane has no documents."""
    module = lambda address: address.rsplit(".", 2)[0]
    present = {(module(address), kind): after for address, kind, after, _ in resources}
    names = []
    for address, kind, after, _ in resources:
        if kind != "aws_s3_bucket":
            continue
        names.append(after.get("bucket") or "")
        for part in BUCKET_PARTS:
            if (module(address), part) not in present:
                yield Finding("bucket-part", address, f"has no {part}")
        policy = (present.get((module(address), "aws_s3_bucket_policy")) or {}).get("policy") or ""
        # The key's ARN is not known before the key is, and then neither is the policy's text; the module's own tests read it.
        if policy and '"aws:SecureTransport":"false"' not in policy:
            yield Finding("bucket-part", address, "takes plain HTTP")
    if not place.is_control and not any(kind == "aws_s3_bucket_object_lock_configuration" for _, kind, _, _ in resources):
        yield Finding("audit-lock", "audit", "no bucket is locked")
    if place.is_control and any("documents" in name or "backups" in name for name in names):
        yield Finding("control-holds-data", "control", "the control plane has a bucket for patient data")


def reviewed_types():
    lines = (HERE / "reviewed_types.txt").read_text().splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def check(plan, root, tree=TREE):
    place = place_of(root, tree)
    findings = list(provider_findings(plan, place, root))
    reviewed = reviewed_types()
    resources = list(managed(plan))
    for address, kind, after, unknown in resources:
        if kind in FORBIDDEN:
            findings.append(Finding("forbidden", address, f"{kind} {FORBIDDEN[kind]}"))
        elif kind not in reviewed:
            findings.append(Finding("not-reviewed", address, f"nobody has looked where {kind} keeps its data; see reviewed_types.txt"))
        findings.extend(text_findings(address, after, place))
        if kind in RULES:
            findings.extend(RULES[kind](address, after, unknown, place))
    findings.extend(bucket_findings(resources, place))
    return findings


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: residency.py PLAN.json ROOT   (terraform show -json PLAN > PLAN.json)")
    root = Path(sys.argv[2]).resolve()
    findings = check(json.loads(Path(sys.argv[1]).read_text()), root, root.parents[2])
    for finding in findings:
        print(finding)
    print(f"{root.parent.name}/{root.name}: {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
