# What a test looks at.
output "region" {
  description = "Region the provider puts detection in."
  value       = data.aws_region.here.name
}

output "trail_validated" {
  description = "Whether digests of the trail are written."
  value       = aws_cloudtrail.this.enable_log_file_validation
}
