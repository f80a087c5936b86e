# Alarm topics of this region: operations and security, encrypted, TLS only, this account only.
resource "aws_sns_topic" "this" {
  for_each          = toset(["operations", "security"])
  name              = "${local.name}-${each.key}"
  kms_master_key_id = var.topic_key_arn
  tags              = { jurisdiction = var.home.jurisdiction }
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this
  arn      = each.value.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ServicesOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com", "backup.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
      },
      {
        Sid       = "ThisAccount"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${var.home.account_id}:root" }
        Action    = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes"]
        Resource  = each.value.arn
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = { for pair in setproduct(keys(aws_sns_topic.this), var.alert_emails) : "${pair[0]}/${pair[1]}" => pair }

  topic_arn = aws_sns_topic.this[each.value[0]].arn
  protocol  = "email"
  endpoint  = each.value[1]
}
