# Places for the control plane's secrets; values never pass through Terraform or its state.
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:certificates and keys rotate with an overlap that only the programs can do; database masters are rotated by RDS
  for_each                = toset(["database", "certificate", "feed-certificate", "directory-signing-key", "session-keys", "logs/elasticsearch"])
  name                    = "domicile/control/${each.key}"
  description             = "Secret of the control plane"
  kms_key_id              = module.key["secrets"].arn
  recovery_window_in_days = var.throw_away ? 0 : 30
}
