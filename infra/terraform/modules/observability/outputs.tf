# Where logs and alarms go.
output "log_group_arns" {
  description = "ARNs of the log groups, by what writes them."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => "arn:aws:logs:${var.home.name}:${var.home.account_id}:log-group:${group.name}" }
}

output "log_groups" {
  description = "Name, retention and region of each log group."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => { name = group.name, days = group.retention_in_days } }
}

output "topic_arns" {
  description = "Alarm topics of this region."
  value       = { for name, topic in aws_sns_topic.this : name => topic.arn }
}

output "region" {
  description = "Region the provider puts logs and alarms in."
  value       = data.aws_region.here.name
}
