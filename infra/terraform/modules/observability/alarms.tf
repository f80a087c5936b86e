# Alarms on what the application counts, on the databases, on the load balancer, on queues and on what the trail saw.
locals {
  operations = [aws_sns_topic.this["operations"].arn]
  security   = [aws_sns_topic.this["security"].arn]

  # Event codes of the application's own log, which holds nothing but codes and ids; a test finds each one in the source.
  application = {
    "directory-refused"   = { code = "directory_refused", threshold = 1 }
    "copy-refused"        = { code = "directory_copy_refused", threshold = 1 }
    "pins-failed"         = { code = "pins_failed", threshold = 1 }
    "bucket-elsewhere"    = { code = "bucket_region_mismatch", threshold = 1 }
    "job-of-elsewhere"    = { code = "job_of_other_region", threshold = 1 }
    "assertion-refused"   = { code = "assertion_refused", threshold = 5 }
    "receipt-refused"     = { code = "front_door_receipt", threshold = 1 }
    "key-revoked"         = { code = "key_revoked", threshold = 1 }
    "transaction-refused" = { code = "transaction_refused", threshold = 1 }
    "panic"               = { code = "panic", threshold = 1 }
  }

  # Calls of AWS itself, from the trail.
  trail = {
    "root-used"             = "{ $.userIdentity.type = \"Root\" && $.eventType != \"AwsServiceEvent\" }"
    "sign-in-without-mfa"   = "{ $.eventName = \"ConsoleLogin\" && $.additionalEventData.MFAUsed != \"Yes\" }"
    "calls-refused"         = "{ $.errorCode = \"AccessDenied*\" || $.errorCode = \"*UnauthorizedOperation\" }"
    "key-disabled"          = "{ $.eventSource = \"kms.amazonaws.com\" && ($.eventName = \"DisableKey\" || $.eventName = \"ScheduleKeyDeletion\") }"
    "trail-changed"         = "{ $.eventName = \"StopLogging\" || $.eventName = \"DeleteTrail\" || $.eventName = \"UpdateTrail\" }"
    "bucket-policy-changed" = "{ $.eventName = \"PutBucketPolicy\" || $.eventName = \"DeleteBucketPolicy\" || $.eventName = \"PutBucketReplication\" }"
    "snapshot-shared"       = "{ $.eventName = \"ModifyDBClusterSnapshotAttribute\" || $.eventName = \"ModifySnapshotAttribute\" }"
  }

  database = {
    cpu         = { metric = "CPUUtilization", threshold = 80, comparison = "GreaterThanThreshold", statistic = "Average" }
    connections = { metric = "DatabaseConnections", threshold = 400, comparison = "GreaterThanThreshold", statistic = "Maximum" }
    memory      = { metric = "FreeableMemory", threshold = 536870912, comparison = "LessThanThreshold", statistic = "Minimum" }
    local-disk  = { metric = "FreeLocalStorage", threshold = 5368709120, comparison = "LessThanThreshold", statistic = "Minimum" }
    lag         = { metric = "AuroraReplicaLagMaximum", threshold = 2000, comparison = "GreaterThanThreshold", statistic = "Maximum" }
    volume      = { metric = "VolumeBytesUsed", threshold = 10995116277760, comparison = "GreaterThanThreshold", statistic = "Maximum" }
  }

  database_alarms = merge([
    for name, id in var.databases : { for kind, rule in local.database : "${name}-${kind}" => merge(rule, { cluster = id }) }
  ]...)
}

resource "aws_cloudwatch_log_metric_filter" "application" {
  for_each       = contains(keys(var.log_groups), "application") ? local.application : {}
  name           = "${local.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.this["application"].name
  pattern        = "\"${each.value.code}\""

  metric_transformation {
    name      = each.key
    namespace = local.name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "application" {
  for_each            = aws_cloudwatch_log_metric_filter.application
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "The application logged ${each.key} in ${var.home.name}; see the runbooks."
  namespace           = local.name
  metric_name         = each.key
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = local.application[each.key].threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.security
}

resource "aws_cloudwatch_log_metric_filter" "trail" {
  for_each       = contains(keys(var.log_groups), "trail") ? local.trail : {}
  name           = "${local.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.this["trail"].name
  pattern        = each.value

  metric_transformation {
    name      = each.key
    namespace = local.name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "trail" {
  for_each            = aws_cloudwatch_log_metric_filter.trail
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "The trail of ${var.home.name} shows ${each.key}."
  namespace           = local.name
  metric_name         = each.key
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.security
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each            = local.database_alarms
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "Database ${each.value.cluster}: ${each.value.metric}."
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBClusterIdentifier = each.value.cluster }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 3
  threshold           = each.value.threshold
  comparison_operator = each.value.comparison
  treat_missing_data  = "missing"
  alarm_actions       = local.operations
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each            = var.load_balancer.target_groups
  alarm_name          = "${local.name}-${each.key}-unhealthy"
  alarm_description   = "Targets of ${each.key} do not answer their health check."
  namespace           = "AWS/NetworkELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = var.load_balancer.arn_suffix, TargetGroup = each.value }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = local.operations
}

resource "aws_cloudwatch_metric_alarm" "queue_age" {
  for_each            = var.queues
  alarm_name          = "${local.name}-${each.key}-age"
  alarm_description   = "Nobody takes messages from ${each.value}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.operations
}
