# What users of the key need, and where it is.
output "arn" {
  description = "ARN of the key."
  value       = aws_kms_key.this.arn
}

output "region" {
  description = "Region the provider puts the key in."
  value       = data.aws_region.here.name
}

output "multi_region" {
  description = "Whether the key could be replicated; it never can."
  value       = aws_kms_key.this.multi_region
}

output "policy" {
  description = "Key policy as JSON."
  value       = local.policy
}
