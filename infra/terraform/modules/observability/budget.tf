# A budget for the account: an unexpected bill is also a signal of misuse.
resource "aws_budgets_budget" "account" {
  name         = local.name
  budget_type  = "COST"
  limit_amount = format("%.1f", var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = var.alert_emails
      subscriber_sns_topic_arns  = local.operations
    }
  }
}
