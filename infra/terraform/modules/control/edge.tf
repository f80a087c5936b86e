# Two ways in: the console behind an Application Load Balancer with WAF, since it shows no patient data and may be read on the way;
# and the directory feed behind a Network Load Balancer, where mutual TLS ends in the process and only regions may knock.
resource "aws_security_group" "console" {
  name        = "${local.name}-console"
  description = "Platform console: HTTPS in, nodes out"
  vpc_id      = module.network.vpc_id
  tags        = { Name = "${local.name}-console" }
}

resource "aws_vpc_security_group_ingress_rule" "console" {
  security_group_id = aws_security_group.console.id
  description       = "Administrators"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "console" {
  security_group_id            = aws_security_group.console.id
  description                  = "Control on the nodes"
  referenced_security_group_id = module.cluster.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 7400
  to_port                      = 7400
}

resource "aws_lb" "console" {
  #checkov:skip=CKV2_AWS_76:AWSManagedRulesKnownBadInputsRuleSet is attached, through a dynamic block
  #checkov:skip=CKV_AWS_150:on, except in throw-away environments, which production refuses to be
  name                       = "${local.name}-console"
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = values(module.network.edge_subnets)
  security_groups            = [aws_security_group.console.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = !var.throw_away

  access_logs {
    bucket  = module.access_logs.id
    prefix  = "console"
    enabled = true
  }
}

resource "aws_lb_target_group" "console" {
  name        = "${local.name}-console"
  vpc_id      = module.network.vpc_id
  target_type = "ip"
  protocol    = "HTTPS"
  port        = 7400

  health_check {
    protocol = "HTTPS"
    path     = "/healthz"
    matcher  = "200-404"
    interval = 10
  }
}

resource "aws_acm_certificate" "console" {
  domain_name       = "control.${var.base}"
  validation_method = "DNS"
  key_algorithm     = "EC_prime256v1"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate_validation" "console" {
  certificate_arn         = aws_acm_certificate.console.arn
  validation_record_fqdns = [for record in aws_route53_record.certificate : record.fqdn]
}

resource "aws_lb_listener" "console" {
  load_balancer_arn = aws_lb.console.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn   = aws_acm_certificate_validation.console.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.console.arn
  }
}

resource "aws_eip" "feed" {
  #checkov:skip=CKV2_AWS_19:they belong to the load balancer
  for_each = toset(keys(module.network.edge_subnets))
  domain   = "vpc"
  tags     = { Name = "${local.name}-feed-${each.key}" }
}

resource "aws_security_group" "feed" {
  name        = "${local.name}-feed"
  description = "Directory feed: regions in, nodes out"
  vpc_id      = module.network.vpc_id
  tags        = { Name = "${local.name}-feed" }
}

resource "aws_vpc_security_group_ingress_rule" "feed" {
  for_each = merge([for code, region in var.regions : {
    for index, address in region.egress_addresses : "${code}-${index}" => address
  }]...)

  security_group_id = aws_security_group.feed.id
  description       = "Directory feed for ${each.key}"
  cidr_ipv4         = "${each.value}/32"
  ip_protocol       = "tcp"
  from_port         = 7401
  to_port           = 7401
}

resource "aws_vpc_security_group_egress_rule" "feed" {
  security_group_id            = aws_security_group.feed.id
  description                  = "Control on the nodes"
  referenced_security_group_id = module.cluster.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 7401
  to_port                      = 7402
}

resource "aws_lb" "feed" {
  #checkov:skip=CKV_AWS_150:on, except in throw-away environments, which production refuses to be
  #checkov:skip=CKV_AWS_91:a Network Load Balancer logs TLS listeners only; TLS passes through this one
  name                             = "${local.name}-feed"
  load_balancer_type               = "network"
  internal                         = false
  security_groups                  = [aws_security_group.feed.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = !var.throw_away

  dynamic "subnet_mapping" {
    for_each = module.network.edge_subnets

    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.feed[subnet_mapping.key].id
    }
  }
}

resource "aws_lb_target_group" "feed" {
  name        = "${local.name}-feed"
  vpc_id      = module.network.vpc_id
  target_type = "ip"
  protocol    = "TCP"
  port        = 7401

  health_check {
    protocol = "HTTP"
    port     = "7402"
    path     = "/readyz"
    interval = 10
  }
}

resource "aws_lb_listener" "feed" {
  load_balancer_arn = aws_lb.feed.arn
  protocol          = "TCP"
  port              = 7401

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.feed.arn
  }
}
