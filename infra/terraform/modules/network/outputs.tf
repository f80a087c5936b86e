# What the rest of the region is put into.
output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "edge_subnets" {
  description = "Subnets of load balancers, by zone."
  value       = { for zone, subnet in aws_subnet.edge : zone => subnet.id }
}

output "app_subnets" {
  description = "Subnets of the cluster's nodes."
  value       = [for subnet in aws_subnet.app : subnet.id]
}

output "data_subnets" {
  description = "Subnets of databases; no route leads out of them."
  value       = [for subnet in aws_subnet.data : subnet.id]
}

output "egress_addresses" {
  description = "Public addresses from which this region reaches the listed ones; other regions admit these."
  value       = [for address in aws_eip.nat : address.public_ip]
}

output "endpoint_services" {
  description = "Service names of all endpoints; each carries the region's name."
  value       = sort(concat([for endpoint in aws_vpc_endpoint.interface : endpoint.service_name], [aws_vpc_endpoint.s3.service_name]))
}

output "egress_routes" {
  description = "Every destination outside AWS that an app subnet can reach."
  value       = sort(distinct([for route in aws_route.egress : route.destination_cidr_block]))
}

output "s3_prefix_list" {
  description = "Prefix list of S3 in this region, reached over the gateway endpoint."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}
