# The region lock: in each workload account, everything outside its own region is denied to everybody, administrators and root included.
locals {
  # What AWS runs in one place for the whole world and an account cannot do without. Content delivery, accelerators and
  # replication services are not in this list on purpose: they move data.
  global_services = [
    "account:*", "budgets:*", "ce:*", "health:*", "iam:*", "organizations:*", "route53:*", "support:*",
  ]

  region_lock = { for name, account in var.accounts : name => jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "HomeOnly"
        Effect    = "Deny"
        NotAction = concat(local.global_services, length(account.backup) == 0 ? [] : ["backup:*"])
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:RequestedRegion" = [account.home] } }
      },
      # The second vault inside the country takes copies and gives them back; nothing else runs there.
      {
        Sid       = "CopiesInTheCountry"
        Effect    = "Deny"
        Action    = ["backup:*"]
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:RequestedRegion" = concat([account.home], account.backup) } }
      },
    ]
  }) }
}

resource "aws_organizations_policy" "region_lock" {
  for_each    = var.accounts
  name        = "region-lock-${each.key}"
  description = "Everything outside ${each.value.home} is denied in ${each.key}"
  type        = "SERVICE_CONTROL_POLICY"
  content     = local.region_lock[each.key]

  lifecycle {
    precondition {
      condition     = length(local.region_lock[each.key]) <= 5120
      error_message = "AWS takes policies of at most 5,120 characters."
    }
  }
}

resource "aws_organizations_policy_attachment" "region_lock" {
  for_each  = var.accounts
  policy_id = aws_organizations_policy.region_lock[each.key].id
  target_id = each.value.account_id
}
