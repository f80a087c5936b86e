# GuardDuty, Security Hub and Config of this region; nothing aggregates them into another one.
data "aws_region" "here" {}

resource "aws_guardduty_detector" "this" {
  #checkov:skip=CKV2_AWS_3:it is on in each account; gathering findings of the organization would take them across a border
  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

resource "aws_guardduty_detector_feature" "this" {
  for_each    = toset(["S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS"])
  detector_id = aws_guardduty_detector.this.id
  name        = each.key
  status      = "ENABLED"
}

resource "aws_securityhub_account" "this" {
  enable_default_standards = false
  auto_enable_controls     = true
}

resource "aws_securityhub_standards_subscription" "best_practices" {
  standards_arn = "arn:aws:securityhub:${var.home.name}::standards/aws-foundational-security-best-practices/v/1.0.0"

  depends_on = [aws_securityhub_account.this]
}

resource "aws_iam_role" "config" {
  name = "${local.name}-config"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "config" {
  role       = aws_iam_role.config.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "config" {
  name = "deliver"
  role = aws_iam_role.config.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:PutObject", Resource = "${var.trail_bucket_arn}/config/*" },
      { Effect = "Allow", Action = ["s3:GetBucketAcl", "s3:ListBucket"], Resource = var.trail_bucket_arn },
      { Effect = "Allow", Action = ["kms:GenerateDataKey", "kms:Decrypt"], Resource = var.key_arn },
    ]
  })
}

resource "aws_config_configuration_recorder" "this" {
  name     = local.name
  role_arn = aws_iam_role.config.arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }
}

resource "aws_config_delivery_channel" "this" {
  name           = local.name
  s3_bucket_name = var.trail_bucket
  s3_key_prefix  = "config"
  s3_kms_key_arn = var.key_arn

  depends_on = [aws_config_configuration_recorder.this, aws_iam_role_policy.config]
}

resource "aws_config_configuration_recorder_status" "this" {
  name       = aws_config_configuration_recorder.this.name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "this" {
  for_each = {
    "rds-storage-encrypted"            = "RDS_STORAGE_ENCRYPTED"
    "rds-snapshots-public-prohibited"  = "RDS_SNAPSHOTS_PUBLIC_PROHIBITED"
    "s3-bucket-public-read-prohibited" = "S3_BUCKET_PUBLIC_READ_PROHIBITED"
    "s3-bucket-ssl-requests-only"      = "S3_BUCKET_SSL_REQUESTS_ONLY"
    "cloudwatch-log-group-encrypted"   = "CLOUDWATCH_LOG_GROUP_ENCRYPTED"
    "encrypted-volumes"                = "ENCRYPTED_VOLUMES"
    "kms-not-scheduled-for-deletion"   = "KMS_CMK_NOT_SCHEDULED_FOR_DELETION"
    "cloud-trail-log-file-validation"  = "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED"
  }

  name = "${local.name}-${each.key}"

  source {
    owner             = "AWS"
    source_identifier = each.value
  }

  depends_on = [aws_config_configuration_recorder.this]
}

# Detection raises alarms here; the worker takes the same findings as signals for its own rules.
resource "aws_cloudwatch_event_rule" "findings" {
  name        = "${local.name}-findings"
  description = "GuardDuty and Security Hub findings"
  event_pattern = jsonencode({
    source        = ["aws.guardduty", "aws.securityhub"]
    "detail-type" = ["GuardDuty Finding", "Security Hub Findings - Imported"]
  })
}

resource "aws_cloudwatch_event_target" "topic" {
  rule      = aws_cloudwatch_event_rule.findings.name
  target_id = "topic"
  arn       = var.alarm_topic_arn
}

resource "aws_cloudwatch_event_target" "queue" {
  count     = var.watch_findings_queue ? 1 : 0
  rule      = aws_cloudwatch_event_rule.findings.name
  target_id = "queue"
  arn       = var.findings_queue_arn
}
