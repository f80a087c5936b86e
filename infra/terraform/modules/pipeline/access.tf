# The role of this place's deployments: whoever runs them shows a token of the Git host that names this one place, and keeps no key.
locals {
  place    = "${var.home.environment}-${var.home.code}"
  audience = replace(var.trust.audience, "{place}", local.place)
  subject  = replace(var.trust.subject, "{place}", local.place)
  # Known before it exists, so that a plan shows whom the role trusts.
  provider_arn = "arn:aws:iam::${var.home.account_id}:oidc-provider/${var.trust.issuer}"
}

resource "aws_iam_openid_connect_provider" "git_host" {
  url            = "https://${var.trust.issuer}"
  client_id_list = [local.audience]
}

resource "aws_iam_role" "this" {
  name                 = "domicile-${local.place}-pipeline"
  max_session_duration = 7200

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "${var.trust.issuer}:aud" = local.audience, "${var.trust.issuer}:sub" = local.subject } }
    }]
  })

  depends_on = [aws_iam_openid_connect_provider.git_host]
}

# Of AWS it may find the cluster; what it does there is Kubernetes' to allow.
resource "aws_iam_role_policy" "this" {
  name   = "least"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "eks:DescribeCluster", Resource = "arn:aws:eks:${var.home.name}:${var.home.account_id}:cluster/${var.cluster}" }] })
}

resource "aws_eks_access_entry" "this" {
  cluster_name  = var.cluster
  principal_arn = aws_iam_role.this.arn
}

# A deployment applies the admission policy and the namespace too, which are the cluster's.
resource "aws_eks_access_policy_association" "this" {
  cluster_name  = var.cluster
  principal_arn = aws_iam_role.this.arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }

  depends_on = [aws_eks_access_entry.this]
}
