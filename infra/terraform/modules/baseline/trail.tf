# CloudTrail: every call of this account, whatever region it aimed at, recorded in this region's bucket with validated digests.
locals {
  name = "domicile-${var.home.environment}-${var.home.code}"
}

resource "aws_iam_role" "trail" {
  name = "${local.name}-trail"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "trail" {
  name = "write"
  role = aws_iam_role.trail.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${var.log_group_arn}:*" }]
  })
}

# It gathers from all regions because IAM and STS record elsewhere; what it gathers is stored only here.
resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV2_AWS_10:it is; the ARN of the group is put together from names
  #checkov:skip=CKV_AWS_252:a notice for each delivered file helps nobody; alarms are raised from the log group
  name                          = local.name
  s3_bucket_name                = var.trail_bucket
  s3_key_prefix                 = "cloudtrail"
  kms_key_id                    = var.key_arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  enable_logging                = true
  cloud_watch_logs_group_arn    = "${var.log_group_arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail.arn

  advanced_event_selector {
    name = "Management events"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  dynamic "advanced_event_selector" {
    for_each = length(var.object_reads) > 0 ? [var.object_reads] : []

    content {
      name = "Objects of patients and of the audit log"

      field_selector {
        field  = "eventCategory"
        equals = ["Data"]
      }

      field_selector {
        field  = "resources.type"
        equals = ["AWS::S3::Object"]
      }

      field_selector {
        field       = "resources.ARN"
        starts_with = [for arn in advanced_event_selector.value : "${arn}/"]
      }
    }
  }

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The trail of ${var.home.name} would be made in ${data.aws_region.here.name}."
    }
  }
}
