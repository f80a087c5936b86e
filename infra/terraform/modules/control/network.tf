# The control plane's network: it has no way out at all, since regions connect to it and it never connects to a region.
module "network" {
  source             = "../network"
  home               = var.home
  cidr               = var.cidr
  zones              = var.zones
  egress             = {}
  flow_log_group_arn = module.observability.log_group_arns["network"]
}
