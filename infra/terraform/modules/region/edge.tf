# The load balancer: TCP only, so TLS ends in the front door. WAF cannot attach to it, since it would have to read what it must not.
resource "aws_eip" "edge" {
  #checkov:skip=CKV2_AWS_19:they belong to the load balancer
  for_each = toset(keys(module.network.edge_subnets))
  domain   = "vpc"
  tags     = { Name = "${local.name}-edge-${each.key}" }
}

resource "aws_security_group" "edge" {
  name        = "${local.name}-edge"
  description = "Clients on 443, other front doors on the peer port"
  vpc_id      = module.network.vpc_id
  tags        = { Name = "${local.name}-edge" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id = aws_security_group.edge.id
  description       = "Clients"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "peers" {
  for_each = merge([for code, peer in var.transit_peers : {
    for index, address in peer.egress_addresses : "${code}-${index}" => address
  }]...)

  security_group_id = aws_security_group.edge.id
  description       = "Unopened streams from the front door ${each.key}"
  cidr_ipv4         = "${each.value}/32"
  ip_protocol       = "tcp"
  from_port         = local.peer_port
  to_port           = local.peer_port
}

resource "aws_vpc_security_group_egress_rule" "to_nodes" {
  security_group_id            = aws_security_group.edge.id
  description                  = "Front doors on the nodes"
  referenced_security_group_id = module.cluster.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 7410
  to_port                      = local.peer_port
}

resource "aws_lb" "edge" {
  #checkov:skip=CKV_AWS_150:on, except in throw-away environments, which production refuses to be
  #checkov:skip=CKV_AWS_91:a Network Load Balancer logs TLS listeners only; TLS passes through this one
  name                             = local.name
  load_balancer_type               = "network"
  internal                         = false
  security_groups                  = [aws_security_group.edge.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = !var.throw_away

  dynamic "subnet_mapping" {
    for_each = module.network.edge_subnets

    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.edge[subnet_mapping.key].id
    }
  }
}

locals {
  doors = {
    clients = { listen = 443, port = 7410 }
    peers   = { listen = local.peer_port, port = local.peer_port }
  }
}

resource "aws_lb_target_group" "edge" {
  for_each             = local.doors
  name                 = "${local.name}-${each.key}"
  vpc_id               = module.network.vpc_id
  target_type          = "ip"
  protocol             = "TCP"
  port                 = each.value.port
  preserve_client_ip   = "true"
  deregistration_delay = 60

  health_check {
    protocol            = "HTTP"
    port                = "7411"
    path                = "/readyz"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "edge" {
  for_each          = local.doors
  load_balancer_arn = aws_lb.edge.arn
  protocol          = "TCP"
  port              = each.value.listen

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.edge[each.key].arn
  }
}

module "front_door" {
  source    = "../front-door"
  home      = var.home
  base      = var.base
  addresses = [for address in aws_eip.edge : address.public_ip]
}
