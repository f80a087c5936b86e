# What deployments and databases refer to.
output "name" {
  description = "Name of the cluster."
  value       = local.name
}

output "node_security_group_id" {
  description = "Security group of the nodes."
  value       = aws_security_group.nodes.id
}

output "region" {
  description = "Region the provider puts the cluster in."
  value       = data.aws_region.here.name
}

output "public_endpoint" {
  description = "Whether the Kubernetes API is reachable from the internet; it never is."
  value       = aws_eks_cluster.this.vpc_config[0].endpoint_public_access
}

output "log_group" {
  description = "Log group that EKS writes; observability makes it first, with a key and a retention."
  value       = "/aws/eks/${local.name}/cluster"
}
