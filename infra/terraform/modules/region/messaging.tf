# Findings of this region's detection wait here for the worker; what cannot be handled goes to a dead-letter queue that an alarm watches.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.name}-findings-dead"
  kms_master_key_id         = module.key["messaging"].arn
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue" "findings" {
  name                       = "${local.name}-findings"
  kms_master_key_id          = module.key["messaging"].arn
  message_retention_seconds  = 345600
  visibility_timeout_seconds = 120

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })
}

locals {
  queues = { findings = aws_sqs_queue.findings, dead-letters = aws_sqs_queue.dead_letters }
}

resource "aws_sqs_queue_policy" "this" {
  for_each  = local.queues
  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "FindingsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = each.value.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
