# The region's network; its only ways out are the directory feed of the control plane and other regions' front doors.
locals {
  feed_port = 7401
  peer_port = 7418

  to_control = { for index, address in var.control_addresses : "control-feed-${index}" => { cidr = "${address}/32", port = local.feed_port } }

  to_peers = merge([for code, peer in var.transit_peers : {
    for index, address in peer.addresses : "front-door-${code}-${index}" => { cidr = "${address}/32", port = local.peer_port }
  }]...)

  egress = merge(local.to_control, local.to_peers)
}

module "network" {
  source             = "../network"
  home               = var.home
  cidr               = var.cidr
  zones              = var.zones
  egress             = { for name, rule in local.egress : name => { cidr = rule.cidr } }
  flow_log_group_arn = module.observability.log_group_arns["network"]
}
