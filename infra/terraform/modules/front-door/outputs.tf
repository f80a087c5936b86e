# What the base domain delegates to, and what a test looks at.
output "zone" {
  description = "Name of the region's zone."
  value       = local.zone
}

output "zone_id" {
  description = "Id of the region's zone."
  value       = aws_route53_zone.region.zone_id
}

output "zone_arn" {
  description = "ARN of the region's zone."
  value       = aws_route53_zone.region.arn
}

output "name_servers" {
  description = "Name servers that the base domain delegates this region to."
  value       = aws_route53_zone.region.name_servers
}

output "clinics" {
  description = "Name and addresses of the wildcard for clinics."
  value       = { name = aws_route53_record.clinics.name, addresses = aws_route53_record.clinics.records }
}

output "routing_policies" {
  description = "Routing policies in use; none may be."
  value = flatten([for record in [aws_route53_record.clinics, aws_route53_record.issuers] : [
    record.latency_routing_policy, record.failover_routing_policy, record.geolocation_routing_policy,
    record.weighted_routing_policy, record.geoproximity_routing_policy, record.cidr_routing_policy,
  ]])
}
