# Log groups, alarms and the budget of the control plane.
module "observability" {
  source        = "../observability"
  home          = var.home
  key_arn       = module.key["logs"].arn
  topic_key_arn = module.key["messaging"].arn
  databases     = { control = "${local.name}-control" }
  alert_emails  = var.alert_emails

  retention_days     = var.log_retention_days
  load_balancer      = { arn_suffix = aws_lb.feed.arn_suffix, target_groups = { feed = aws_lb_target_group.feed.arn_suffix } }
  monthly_budget_usd = var.monthly_budget_usd

  log_groups = {
    application = "/domicile/control/application"
    network     = "/domicile/control/network"
    trail       = "/domicile/control/trail"
    firewall    = "aws-waf-logs-${local.name}"
    kubernetes  = "/aws/eks/${local.name}/cluster"
    control     = "/aws/rds/cluster/${local.name}-control/postgresql"
  }
}
