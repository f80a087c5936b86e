# Ways to AWS services that never leave the region's network; each lets only this account's identities reach this account's things.
locals {
  services = toset([
    "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "email-smtp", "kms", "logs",
    "monitoring", "secretsmanager", "sns", "sqs", "ssm", "ssmmessages", "sts",
    "xray",
  ])

  # Private mail submission has no endpoint policy in AWS.
  without_policy = toset(["email-smtp"])

  perimeter = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ThisAccountOnly"
        Effect    = "Allow"
        Principal = "*"
        Action    = "*"
        Resource  = "*"
        Condition = { StringEquals = { "aws:PrincipalAccount" = var.home.account_id, "aws:ResourceAccount" = var.home.account_id } }
      },
      # A telephone is no account's; a topic of another account stays out of reach.
      {
        Sid         = "TextsToTelephones"
        Effect      = "Allow"
        Principal   = "*"
        Action      = "sns:Publish"
        NotResource = "arn:aws:sns:*:*:*"
        Condition   = { StringEquals = { "aws:PrincipalAccount" = var.home.account_id } }
      },
      # Who shows a pipeline's token has no account yet; the role decides whose it takes.
      {
        Sid       = "TokensForThisAccount"
        Effect    = "Allow"
        Principal = "*"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Resource  = "*"
        Condition = { StringEquals = { "aws:ResourceAccount" = var.home.account_id } }
      },
    ]
  })

  # Image layers lie in a bucket that AWS owns in this region.
  s3_perimeter = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ThisAccountOnly"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:*"
        Resource  = "*"
        Condition = { StringEquals = { "aws:PrincipalAccount" = var.home.account_id, "aws:ResourceAccount" = var.home.account_id } }
      },
      {
        Sid       = "ImageLayers"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "arn:aws:s3:::prod-${var.home.name}-starport-layer-bucket/*"
      },
    ]
  })
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "HTTPS and mail submission from the VPC to AWS services"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${local.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each          = { https = 443, submission = 587 }
  security_group_id = aws_security_group.endpoints.id
  description       = "${each.key} from the VPC"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.services
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.home.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.app : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  policy              = contains(local.without_policy, each.key) ? null : local.perimeter
  tags                = { Name = "${local.name}-${each.key}" }
}

# Pods reach S3 at addresses of the VPC, so that a network policy can name them; the gateway below is for what has no such address.
resource "aws_vpc_endpoint" "s3_interface" {
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.home.name}.s3"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.app : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  policy              = local.s3_perimeter
  tags                = { Name = "${local.name}-s3-interface" }

  dns_options {
    dns_record_ip_type                             = "ipv4"
    private_dns_only_for_inbound_resolver_endpoint = false
  }

  # AWS wants the gateway first.
  depends_on = [aws_vpc_endpoint.s3]
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.home.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat([for table in aws_route_table.app : table.id], [aws_route_table.data.id])
  policy            = local.s3_perimeter
  tags              = { Name = "${local.name}-s3" }
}
