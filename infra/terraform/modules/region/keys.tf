# The region's keys, one for each kind of thing, none of them multi-Region.
locals {
  keys = {
    tenant    = { purpose = "Wraps the clinics' keys; the application calls it with the clinic in the encryption context", services = [] }
    database  = { purpose = "Storage, snapshots and master secrets of the shards", services = ["rds.amazonaws.com"] }
    key-store = { purpose = "Storage, snapshots and master secret of the key store, apart from the shards", services = ["rds.amazonaws.com"] }
    objects   = { purpose = "Documents and backups in S3", services = [] }
    audit     = { purpose = "Audit checkpoints, CloudTrail and Config", services = ["cloudtrail.amazonaws.com", "config.amazonaws.com"] }
    logs      = { purpose = "CloudWatch log groups", services = ["logs.${var.home.name}.amazonaws.com"] }
    secrets   = { purpose = "Secrets Manager", services = [] }
    cluster   = { purpose = "Kubernetes secrets, node disks and images", services = [] }
    messaging = { purpose = "Alarm topics and queues", services = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com", "backup.amazonaws.com", "sns.amazonaws.com"] }
    backup    = { purpose = "The backup vault", services = ["backup.amazonaws.com"] }
  }
}

module "key" {
  source   = "../key"
  for_each = local.keys
  home     = var.home
  name     = each.key
  purpose  = each.value.purpose
  services = each.value.services
}

# Signs the checkpoints of the audit log, certificates of erasure and monthly packs; the private half never leaves KMS.
module "signing_key" {
  source  = "../key"
  home    = var.home
  name    = "audit-signing"
  purpose = "Signs the audit log's checkpoints and other evidence"
  signs   = true
}

# Auto Scaling starts nodes under its own role and must open their disks; the grant reaches no further than this account.
resource "aws_kms_grant" "node_disks" {
  name              = "node-disks"
  key_id            = module.key["cluster"].arn
  grantee_principal = "arn:aws:iam::${var.home.account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
  operations        = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey", "CreateGrant"]
}
