# Kubernetes for the control role, and the roles of its pods.
locals {
  pods = {
    control                      = { namespace = "domicile" }
    logs                         = { namespace = "monitoring" }
    aws-load-balancer-controller = { namespace = "kube-system" }
  }

  pod_statements = {
    control = [
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "arn:aws:secretsmanager:${var.home.name}:${var.home.account_id}:secret:domicile/control/*" },
      # The collector's, in the same folder.
      { Effect = "Deny", Action = "secretsmanager:GetSecretValue", Resource = "arn:aws:secretsmanager:${var.home.name}:${var.home.account_id}:secret:domicile/control/logs/*" },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = module.key["secrets"].arn, Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.home.name}.amazonaws.com" } } },
    ]
    logs = [
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "arn:aws:secretsmanager:${var.home.name}:${var.home.account_id}:secret:domicile/control/logs/*" },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = module.key["secrets"].arn, Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.home.name}.amazonaws.com" } } },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], Resource = "${module.observability.log_group_arns["application"]}:*" },
    ]
    aws-load-balancer-controller = [
      { Effect = "Allow", Action = ["elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeAvailabilityZones"], Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = var.home.name } } },
      { Effect = "Allow", Action = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], Resource = [aws_lb_target_group.console.arn, aws_lb_target_group.feed.arn] },
    ]
  }
}

module "cluster" {
  source          = "../cluster"
  home            = var.home
  vpc_id          = module.network.vpc_id
  vpc_cidr        = var.cidr
  subnet_ids      = module.network.app_subnets
  s3_prefix_list  = module.network.s3_prefix_list
  key_arn         = module.key["cluster"].arn
  node_type       = var.nodes.type
  nodes           = { min = var.nodes.min, max = var.nodes.max }
  admin_role_arns = var.admin_role_arns
  roles           = { for account, role in aws_iam_role.pod : account => { namespace = local.pods[account].namespace, role_arn = role.arn } }

  ingress = {
    console = { port = 7400, security_group_id = aws_security_group.console.id }
    feed    = { port = 7401, security_group_id = aws_security_group.feed.id }
    health  = { port = 7402, security_group_id = aws_security_group.feed.id }
  }
}

# Deployments by a pipeline, where the catalog names one.
module "pipeline" {
  source  = "../pipeline"
  count   = var.pipeline == null ? 0 : 1
  home    = var.home
  cluster = module.cluster.name
  trust   = var.pipeline
}

resource "aws_iam_role" "pod" {
  for_each = local.pods
  name     = "${local.name}-${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = var.home.account_id
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.key
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "pod" {
  for_each = local.pods
  name     = "least"
  role     = aws_iam_role.pod[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.pod_statements[each.key] })
}
