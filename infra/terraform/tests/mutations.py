"""Changes that would take Indian data abroad, or let it out, each with what must catch it."""

from dataclasses import dataclass
from pathlib import Path

US_ACCOUNT = "111111111113"
US_PROVIDER = """
provider "aws" {
  alias                       = "us"
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}
"""


@dataclass(frozen=True)
class Mutation:
    """One edit: `old` becomes `new` in `file` (or `new` is appended); `caught` is Terraform's own message, or a rule and an address."""

    name: str
    file: str
    new: str
    caught: tuple
    old: str = ""
    root: str = "envs/prod/in"
    # Refused changes of one group are made in one copy and planned once; each must get a refusal of its own.
    group: str = ""

    def apply(self, tree: Path):
        path = tree / self.file
        text, new = path.read_text(), self.new
        if self.old and self.old not in text:
            raise AssertionError(f"{self.name}: {self.file} no longer holds {self.old!r}")
        if US_PROVIDER in new and any(US_PROVIDER in other.read_text() for other in path.parent.glob("*.tf")):
            new = new.replace(US_PROVIDER, "")
        path.write_text(text.replace(self.old, new, 1) if self.old else text + "\n" + new)


def abroad(name, file, module, part):
    """The module's own second provider, of the US, is handed to one part."""
    opening = f'module "{module}" {{'
    return Mutation(name, file, f"{US_PROVIDER}\n{opening}\n  providers = {{ aws = aws.us }}", (f"{part} of ap-south-1 would be made in us-east-1",), opening,
                    # What hangs on a refused key is not looked at, so keys are tried alone.
                    group="" if module == "key" else "abroad")


# Terraform refuses these plans by itself: a variable's validation or a precondition.
REFUSED = [
    Mutation("India's provider points at the US", "envs/prod/in/main.tf", 'region              = "us-east-1"',
             ("would be made in us-east-1",), "region              = local.home.name"),
    Mutation("India's catalog entry names a US region", "envs/prod/catalog.json", '"name": "us-east-1",\n        "jurisdiction": "IN"',
             ("does not belong to the jurisdiction",), '"name": "ap-south-1",\n        "jurisdiction": "IN"'),
    abroad("documents of India in the US", "modules/region/storage.tf", "documents", "bucket documents"),
    abroad("audit checkpoints of India in the US", "modules/region/storage.tf", "audit", "bucket audit"),
    abroad("keys of India in the US", "modules/region/keys.tf", "key", "key tenant"),
    abroad("a shard of India in the US", "modules/region/database.tf", "shard", "database shard-1"),
    abroad("log groups of India in the US", "modules/region/logs.tf", "observability", "log group application"),
    Mutation("backups of India copied to the US", "envs/prod/in/main.tf",
             f'backup_copy = {{ vault_arn = "arn:aws:backup:us-west-2:333333333333:backup-vault:copies" }}\n  nodes ',
             ("Backups never leave the jurisdiction",), "nodes ", group="variables"),
    Mutation("logs kept for less than the law asks", "envs/prod/us/main.tf", "log_retention_days = 400\n  nodes ",
             ("The retention lies below the floor of the jurisdiction",), "nodes ", root="envs/prod/us"),
    Mutation("the audit lock ends too early", "envs/prod/in/main.tf", "audit_lock_days = 365\n  nodes ",
             ("The audit lock lies below the floor of the jurisdiction",), "nodes ", group="variables"),
    Mutation("a default route out of the region", "modules/region/network.tf", 'egress             = { any = { cidr = "0.0.0.0/0" } }',
             ("Each way out names one address",), "egress             = { for name, rule in local.egress : name => { cidr = rule.cidr } }"),
    Mutation("India and the US in one account", "envs/prod/catalog.json", f'"account_id": "{US_ACCOUNT}"',
             ("Two regions share an account",), '"account_id": "222222222223"', root="envs/organization"),
]

REPLICATION = """
resource "aws_s3_bucket_replication_configuration" "abroad" {
  bucket = module.documents.id
  role   = aws_iam_role.backup.arn
  rule {
    status = "Enabled"
    destination {
      bucket = "arn:aws:s3:::domicile-prod-us-documents"
    }
  }
}
"""

# Terraform would plan these; the policy over the plan must not let them pass. Rule, then a part of the address.
FOUND = [
    Mutation("a multi-Region key", "modules/key/keys.tf", "multi_region             = true", ("multi-region-key", 'key["tenant"]'),
             "multi_region             = false"),
    Mutation("a replica of a key", "modules/region/keys.tf",
             'resource "aws_kms_replica_key" "abroad" {\n  primary_key_arn = module.key["tenant"].arn\n}', ("forbidden", "aws_kms_replica_key.abroad")),
    Mutation("documents replicated to the US", "modules/region/storage.tf", REPLICATION, ("forbidden", "aws_s3_bucket_replication_configuration.abroad")),
    Mutation("a global database", "modules/region/database.tf",
             'resource "aws_rds_global_cluster" "abroad" {\n  global_cluster_identifier = "domicile"\n  engine = "aurora-postgresql"\n}',
             ("forbidden", "aws_rds_global_cluster.abroad")),
    Mutation("database backups replicated", "modules/region/database.tf",
             'resource "aws_db_instance_automated_backups_replication" "abroad" {\n'
             '  source_db_instance_arn = "arn:aws:rds:us-east-1:333333333333:db:x"\n}',
             ("forbidden", "aws_db_instance_automated_backups_replication.abroad")),
    Mutation("a shard that follows a US one", "modules/postgres/database.tf",
             'replication_source_identifier = "arn:aws:rds:us-east-1:111111111113:cluster:x"\n  port               = 5432',
             ("database-copy", 'shard["1"].aws_rds_cluster.this'), "port               = 5432"),
    Mutation("a copy action in the plan of backups", "modules/region/backup.tf",
             '"daily"\n    copy_action {\n      destination_vault_arn = "arn:aws:backup:us-east-1:222222222223:backup-vault:x"\n    }\n',
             ("backup-copy", "aws_backup_plan.this"), '"daily"\n'),
    Mutation("latency routing", "modules/front-door/names.tf",
             'records = var.addresses\n  set_identifier = "in"\n  latency_routing_policy {\n    region = "us-east-1"\n  }',
             ("dns-routing", "aws_route53_record.clinics"), "records = var.addresses"),
    Mutation("failover to the US", "modules/front-door/names.tf",
             'resource "aws_route53_record" "failover" {\n  zone_id = aws_route53_zone.region.zone_id\n  name = "lotus.${local.zone}"\n  type = "A"\n'
             '  ttl = 60\n  records = ["192.0.2.1"]\n  set_identifier = "us"\n  failover_routing_policy {\n    type = "SECONDARY"\n  }\n}',
             ("dns-routing", "aws_route53_record.failover")),
    Mutation("a health check to fail over by", "modules/front-door/names.tf",
             'resource "aws_route53_health_check" "us" {\n  type = "TCP"\n  ip_address = "192.0.2.1"\n  port = 443\n}', ("forbidden", "health_check.us")),
    Mutation("India answers for clinics of the US", "modules/front-door/names.tf",
             'resource "aws_route53_record" "theirs" {\n  zone_id = aws_route53_zone.region.zone_id\n  name = "*.us.domicile.example"\n  type = "A"\n'
             '  ttl = 60\n  records = ["192.0.2.1"]\n}', ("dns-name", "aws_route53_record.theirs")),
    Mutation("secrets replicated", "modules/region/secrets.tf", 'each.key}"\n  replica {\n    region = "us-east-1"\n  }\n',
             ("secret-replica", "aws_secretsmanager_secret.this"), 'each.key}"\n'),
    Mutation("images replicated", "modules/region/images.tf",
             'resource "aws_ecr_replication_configuration" "abroad" {\n  replication_configuration {\n    rule {\n      destination {\n'
             '        region      = "us-east-1"\n        registry_id = "222222222223"\n      }\n    }\n  }\n}',
             ("forbidden", "aws_ecr_replication_configuration.abroad")),
    Mutation("findings gathered in the US", "modules/region/detection.tf",
             'resource "aws_securityhub_finding_aggregator" "abroad" {\n  linking_mode = "ALL_REGIONS"\n}', ("forbidden", "finding_aggregator.abroad")),
    Mutation("logs streamed to the US", "modules/region/logs.tf",
             'resource "aws_cloudwatch_log_subscription_filter" "abroad" {\n  name = "x"\n  filter_pattern = ""\n'
             '  log_group_name = "/domicile/in/application"\n  destination_arn = "arn:aws:kinesis:us-east-1:111111111113:stream/x"\n}',
             ("other-region", "subscription_filter.abroad")),
    Mutation("the trail written to the US account's bucket", "modules/region/detection.tf", f'trail_bucket         = "domicile-prod-us-trail-{US_ACCOUNT}"',
             ("other-account", "aws_cloudtrail.this"), "trail_bucket         = module.trail.id"),
    Mutation("alarms sent to a US queue", "modules/observability/messaging.tf",
             'resource "aws_sns_topic_subscription" "abroad" {\n  topic_arn = "arn:aws:sns:ap-south-1:222222222223:x"\n  protocol = "sqs"\n'
             '  endpoint = "arn:aws:sqs:us-east-1:111111111113:x"\n}', ("other-region", "aws_sns_topic_subscription.abroad")),
    Mutation("networks joined", "modules/network/network.tf",
             'resource "aws_vpc_peering_connection" "abroad" {\n  vpc_id = aws_vpc.this.id\n  peer_vpc_id = "vpc-1"\n  peer_region = "us-east-1"\n}',
             ("forbidden", "aws_vpc_peering_connection.abroad")),
    Mutation("a role that the US account may take", "modules/region/access.tf",
             'resource "aws_iam_role" "abroad" {\n  name = "abroad"\n  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", '
             f'Action = "sts:AssumeRole", Principal = {{ AWS = "arn:aws:iam::{US_ACCOUNT}:root" }} }}] }})\n}}', ("other-account", "aws_iam_role.abroad")),
    Mutation("a deployment approved for the US that may change India", "modules/pipeline/access.tf", 'subject  = replace(var.trust.subject, "{place}", "prod-us")',
             ("pipeline-trust", "module.pipeline[0].aws_iam_role.this"), 'subject  = replace(var.trust.subject, "{place}", local.place)'),
    Mutation("an audit lock that administrators can lift", "modules/bucket/storage.tf", 'mode = "GOVERNANCE"', ("audit-lock", "module.audit"), 'mode = "COMPLIANCE"'),
    Mutation("a public bucket", "modules/bucket/storage.tf", "restrict_public_buckets = false", ("public", "module.documents"), "restrict_public_buckets = true"),
    Mutation("a Kubernetes API on the internet", "modules/cluster/cluster.tf", "endpoint_public_access  = true", ("public", "aws_eks_cluster.this"),
             "endpoint_public_access  = false"),
    Mutation("TLS opened by the load balancer", "modules/region/edge.tf", 'protocol          = "TLS"\n  port              = each.value.listen',
             ("tls-opened", "aws_lb_listener.edge"), 'protocol          = "TCP"\n  port              = each.value.listen'),
    Mutation("pods may connect anywhere", "modules/cluster/network.tf", 'cidr_ipv4         = "0.0.0.0/0"\n  ip_protocol       = "-1"',
             ("default-route", "nodes_to_vpc"), 'cidr_ipv4         = var.vpc_cidr\n  ip_protocol       = "-1"'),
    Mutation("a service nobody has looked at", "modules/region/messaging.tf",
             'resource "aws_kinesis_stream" "new" {\n  name = "x"\n  shard_count = 1\n}', ("not-reviewed", "aws_kinesis_stream.new")),
    Mutation("the state of India in the US", "envs/prod/in/backend.hcl", 'region       = "us-east-1"', ("state-elsewhere", "in"), 'region       = "ap-south-1"'),
    Mutation("a provider that accepts any account", "envs/prod/in/main.tf", "", ("provider-account", "in"), "allowed_account_ids = [local.home.account_id]"),
    Mutation("a second provider in the root", "envs/prod/in/main.tf", US_PROVIDER + '\nresource "aws_sns_topic" "abroad" {\n  provider = aws.us\n}', ("one-provider", "aws.us")),
    Mutation("documents in the control plane", "modules/control/storage.tf",
             'module "documents" {\n  source = "../bucket"\n  home = var.home\n  name = "documents"\n  key_arn = module.key["audit"].arn\n'
             '  log_bucket = module.access_logs.id\n}', ("control-holds-data", "control"), root="envs/prod/control"),
]
