# What users of the bucket need, and what a test of residency looks at.
output "id" {
  description = "Name of the bucket, once its policy lets AWS services deliver."
  value       = aws_s3_bucket.this.id
  depends_on  = [aws_s3_bucket_policy.this]
}

output "name" {
  description = "Name of the bucket, known before it exists."
  value       = local.bucket
}

output "arn" {
  description = "ARN of the bucket, known before it exists."
  value       = local.arn
}

output "region" {
  description = "Region the provider puts the bucket in."
  value       = data.aws_region.here.name
}

output "policy" {
  description = "Bucket policy as JSON."
  value       = local.policy
}

output "lock" {
  description = "Object Lock: mode and days, or null."
  value       = var.lock_days == null ? null : one(aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[*])
}

output "encryption" {
  description = "Default encryption of new objects."
  value       = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm
}

output "public_access_blocked" {
  description = "Whether all four public-access switches are on."
  value = alltrue([
    aws_s3_bucket_public_access_block.this.block_public_acls,
    aws_s3_bucket_public_access_block.this.block_public_policy,
    aws_s3_bucket_public_access_block.this.ignore_public_acls,
    aws_s3_bucket_public_access_block.this.restrict_public_buckets,
  ])
}
