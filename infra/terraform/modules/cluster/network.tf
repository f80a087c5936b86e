# What may connect to the nodes and what they may connect to: the VPC, S3 of this region, and the listed addresses.
resource "aws_security_group" "control_plane" {
  name        = "${local.name}-kubernetes"
  description = "Kubernetes API to and from the nodes"
  vpc_id      = var.vpc_id
  tags        = { Name = "${local.name}-kubernetes" }
}

resource "aws_security_group" "nodes" {
  name        = "${local.name}-nodes"
  description = "Nodes: the load balancer in, the VPC and listed addresses out"
  vpc_id      = var.vpc_id
  tags        = { Name = "${local.name}-nodes", "kubernetes.io/cluster/${local.name}" = "owned" }
}

resource "aws_vpc_security_group_ingress_rule" "api_from_nodes" {
  security_group_id            = aws_security_group.control_plane.id
  description                  = "Kubernetes API from the nodes"
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "api_to_nodes" {
  security_group_id            = aws_security_group.control_plane.id
  description                  = "Kubelet and webhooks"
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = 1025
  to_port                      = 65535
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_api" {
  #checkov:skip=CKV_AWS_25:only from the control plane's security group
  security_group_id            = aws_security_group.nodes.id
  description                  = "Kubelet and webhooks from the Kubernetes API"
  referenced_security_group_id = aws_security_group.control_plane.id
  ip_protocol                  = "tcp"
  from_port                    = 1025
  to_port                      = 65535
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_nodes" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "Pods of other nodes; network policies say which"
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_edge" {
  for_each                     = var.ingress
  security_group_id            = aws_security_group.nodes.id
  description                  = "${each.key} from the load balancer"
  referenced_security_group_id = each.value.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_vpc" {
  security_group_id = aws_security_group.nodes.id
  description       = "Endpoints, databases and pods inside the VPC"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_s3" {
  security_group_id = aws_security_group.nodes.id
  description       = "S3 of this region over the gateway endpoint"
  prefix_list_id    = var.s3_prefix_list
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_listed" {
  for_each          = var.egress
  security_group_id = aws_security_group.nodes.id
  description       = each.key
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}
