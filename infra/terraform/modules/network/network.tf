# The VPC over three zones: edge subnets for load balancers and NAT, app subnets without a default route, data subnets without any.
locals {
  name  = "domicile-${var.home.environment}-${var.home.code}"
  zones = { for index, letter in var.zones : "${var.home.name}${letter}" => index }
  nat   = length(var.egress) > 0 ? local.zones : {}

  routes = merge([
    for zone, index in local.zones : { for name, rule in var.egress : "${zone}/${name}" => { zone = zone, cidr = rule.cidr } }
  ]...)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.name }
}

resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${local.name}-default-closed" }
}

resource "aws_subnet" "edge" {
  for_each                = local.zones
  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 8, each.value)
  map_public_ip_on_launch = false
  tags                    = { Name = "${local.name}-edge-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "app" {
  for_each          = local.zones
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value + 1)
  tags              = { Name = "${local.name}-app-${each.key}", "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_subnet" "data" {
  for_each          = local.zones
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 8, each.value + 250)
  tags              = { Name = "${local.name}-data-${each.key}" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = local.name }
}

resource "aws_route_table" "edge" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${local.name}-edge" }
}

resource "aws_route" "edge_default" {
  route_table_id         = aws_route_table.edge.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "edge" {
  for_each       = local.zones
  subnet_id      = aws_subnet.edge[each.key].id
  route_table_id = aws_route_table.edge.id
}

resource "aws_route_table" "app" {
  for_each = local.zones
  vpc_id   = aws_vpc.this.id
  tags     = { Name = "${local.name}-app-${each.key}" }
}

resource "aws_route_table_association" "app" {
  for_each       = local.zones
  subnet_id      = aws_subnet.app[each.key].id
  route_table_id = aws_route_table.app[each.key].id
}

resource "aws_route_table" "data" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${local.name}-data" }
}

resource "aws_route_table_association" "data" {
  for_each       = local.zones
  subnet_id      = aws_subnet.data[each.key].id
  route_table_id = aws_route_table.data.id
}

resource "aws_eip" "nat" {
  for_each = local.nat
  domain   = "vpc"
  tags     = { Name = "${local.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each      = local.nat
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.edge[each.key].id
  tags          = { Name = "${local.name}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

# One route an address: the list of ways out is the whole list.
resource "aws_route" "egress" {
  for_each               = local.routes
  route_table_id         = aws_route_table.app[each.value.zone].id
  destination_cidr_block = each.value.cidr
  nat_gateway_id         = aws_nat_gateway.this[each.value.zone].id
}

data "aws_region" "here" {}

resource "terraform_data" "residency" {
  input = var.home

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The network of ${var.home.name} would be made in ${data.aws_region.here.name}."
    }
  }
}
