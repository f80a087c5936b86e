# Places for secrets, one folder a role; values are put in by hand or by rotation and never pass through Terraform or its state.
locals {
  secrets = toset([
    "front-door/certificate", "front-door/backend-client", "front-door/feed-client", "front-door/route-keys",
    "backend/database", "backend/key-store", "backend/certificate", "backend/feed-client", "backend/route-keys",
    "worker/database", "worker/key-store", "worker/feed-client", "worker/mail", "worker/migrator",
    "migrate/database", "migrate/key-store",
    "audit-verify/database", "audit-verify/key-store", "key-store-backup/key-store",
    "traces/certificate", "logs/elasticsearch",
  ])
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:certificates and keys rotate with an overlap that only the programs can do; database masters are rotated by RDS
  for_each                = local.secrets
  name                    = "domicile/${var.home.code}/${each.key}"
  description             = "Secret of the role ${split("/", each.key)[0]} in ${var.home.name}"
  kms_key_id              = module.key["secrets"].arn
  recovery_window_in_days = var.throw_away ? 0 : 30
}
