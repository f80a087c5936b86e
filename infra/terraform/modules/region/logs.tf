# Log groups, alarms and the budget of this region.
locals {
  log_days = coalesce(var.log_retention_days, jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].log_days)

  # RDS and EKS would make their groups themselves, without a key and for ever; so ours are there first.
  log_groups = merge(
    {
      application = "/domicile/${var.home.code}/application"
      network     = "/domicile/${var.home.code}/network"
      trail       = "/domicile/${var.home.code}/trail"
      kubernetes  = "/aws/eks/${local.name}/cluster"
      key-store   = "/aws/rds/cluster/${local.name}-key-store/postgresql"
    },
    { for id in keys(var.shards) : "shard-${id}" => "/aws/rds/cluster/${local.name}-shard-${id}/postgresql" },
  )
}

module "observability" {
  source             = "../observability"
  home               = var.home
  key_arn            = module.key["logs"].arn
  topic_key_arn      = module.key["messaging"].arn
  log_groups         = local.log_groups
  retention_days     = var.log_retention_days
  databases          = merge({ for id in keys(var.shards) : "shard-${id}" => "${local.name}-shard-${id}" }, { key-store = "${local.name}-key-store" })
  load_balancer      = { arn_suffix = aws_lb.edge.arn_suffix, target_groups = { for name, group in aws_lb_target_group.edge : name => group.arn_suffix } }
  queues             = { findings = "${local.name}-findings", dead-letters = "${local.name}-findings-dead" }
  alert_emails       = var.alert_emails
  monthly_budget_usd = var.monthly_budget_usd
}
