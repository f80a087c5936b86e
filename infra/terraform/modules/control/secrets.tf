# Places for the control plane's secrets; values never pass through Terraform or its state.
resource "aws_secretsmanager_secret" "this" {
  for_each                = toset(["database", "certificate", "feed-certificate", "directory-signing-key", "session-keys"])
  name                    = "domicile/control/${each.key}"
  description             = "Secret of the control role"
  kms_key_id              = module.key["secrets"].arn
  recovery_window_in_days = var.throw_away ? 0 : 30
}
