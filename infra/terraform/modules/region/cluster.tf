# Kubernetes for the front door, the backend and the worker of this region.
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
  egress          = local.egress
  admin_role_arns = var.admin_role_arns
  roles           = { for account, role in aws_iam_role.pod : account => { namespace = local.pods[account].namespace, role_arn = role.arn } }

  ingress = {
    clients = { port = 7410, security_group_id = aws_security_group.edge.id }
    health  = { port = 7411, security_group_id = aws_security_group.edge.id }
    peers   = { port = local.peer_port, security_group_id = aws_security_group.edge.id }
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
