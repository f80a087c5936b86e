# Keys of the control plane: none can open anything of a region.
locals {
  keys = {
    database  = { purpose = "The control database", services = ["rds.amazonaws.com"] }
    audit     = { purpose = "CloudTrail and Config", services = ["cloudtrail.amazonaws.com", "config.amazonaws.com"] }
    logs      = { purpose = "CloudWatch log groups", services = ["logs.${var.home.name}.amazonaws.com"] }
    secrets   = { purpose = "Secrets Manager, the directory signing key among them", services = [] }
    cluster   = { purpose = "Kubernetes secrets, node disks and images", services = [] }
    messaging = { purpose = "Alarm topics", services = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"] }
  }
}

module "key" {
  source   = "../key"
  for_each = local.keys
  home     = var.home
  name     = each.key
  purpose  = each.value.purpose
  services = each.value.services
}
