# What regions need to reach the control plane, and what tests look at.
output "home" {
  description = "Where the control plane is."
  value       = var.home
}

output "name_servers" {
  description = "Name servers of the base domain, for the registrar."
  value       = aws_route53_zone.base.name_servers
}

output "feed_addresses" {
  description = "Addresses of the directory feed; regions list them as ways out."
  value       = [for address in aws_eip.feed : address.public_ip]
}

output "buckets" {
  description = "Names of all buckets; none holds documents."
  value       = { for name, bucket in local.buckets : name => bucket.name }
}

output "delegations" {
  description = "Regions that the base domain delegates, by code."
  value       = { for code, record in aws_route53_record.region : code => record.records }
}

output "egress_routes" {
  description = "Destinations outside AWS; there is none."
  value       = module.network.egress_routes
}

output "pipeline_role" {
  description = "Role that deployments of the control plane take, if the catalog names a pipeline."
  value       = one(module.pipeline[*].role_arn)
}
