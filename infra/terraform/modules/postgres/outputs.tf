# How to reach the cluster, and what a test looks at.
output "id" {
  description = "Cluster identifier, known before it exists."
  value       = local.id
}

output "arn" {
  description = "ARN of the cluster, known before it exists."
  value       = "arn:aws:rds:${var.home.name}:${var.home.account_id}:cluster:${local.id}"
}

output "endpoint" {
  description = "Host name of the writer."
  value       = aws_rds_cluster.this.endpoint
}

output "region" {
  description = "Region the provider puts the cluster in."
  value       = data.aws_region.here.name
}

output "parameters" {
  description = "Settings of the cluster parameter group."
  value       = { for parameter in aws_rds_cluster_parameter_group.this.parameter : parameter.name => parameter.value }
}

output "encrypted" {
  description = "Whether storage is encrypted with our key."
  value       = aws_rds_cluster.this.storage_encrypted
}

output "backup_days" {
  description = "Reach of point-in-time recovery."
  value       = aws_rds_cluster.this.backup_retention_period
}

output "log_group" {
  description = "Log group that RDS writes; observability makes it first, with a key and a retention."
  value       = "/aws/rds/cluster/${local.id}/postgresql"
}
