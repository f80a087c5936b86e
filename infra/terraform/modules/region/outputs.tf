# What the base domain, other regions, deployments and the tests of residency need to know of this region.
output "home" {
  description = "Where this region is."
  value       = var.home
}

output "places" {
  description = "Region of every part; all the same."
  value       = local.places
}

output "front_door" {
  description = "What the base domain delegates to, where other front doors connect, and from where this region connects to them."
  value = {
    zone             = module.front_door.zone
    name_servers     = module.front_door.name_servers
    addresses        = [for address in aws_eip.edge : address.public_ip]
    egress_addresses = module.network.egress_addresses
  }
}

output "clinics" {
  description = "The wildcard record for clinics."
  value       = module.front_door.clinics
}

output "routing_policies" {
  description = "Routing policies of DNS records; none may be."
  value       = module.front_door.routing_policies
}

output "buckets" {
  description = "Each bucket's name, place, lock, encryption and policy."
  value = { for name, bucket in local.buckets : name => {
    name = bucket.name, region = bucket.region, lock = bucket.lock, encryption = bucket.encryption, private = bucket.public_access_blocked, policy = bucket.policy
  } }
}

output "keys" {
  description = "Each key's place, policy and whether it could be replicated."
  value = { for name, key in merge(module.key, { audit-signing = module.signing_key }) : name => {
    region = key.region, multi_region = key.multi_region, policy = key.policy
  } }
}

output "databases" {
  description = "Each database's place and settings."
  value = { for name, database in local.databases : name => {
    arn = database.arn, region = database.region, parameters = database.parameters, encrypted = database.encrypted, backup_days = database.backup_days, log_group = database.log_group
  } }
}

output "log_groups" {
  description = "Each log group's name and retention."
  value       = module.observability.log_groups
}

output "egress_routes" {
  description = "Every destination outside AWS that pods can reach."
  value       = module.network.egress_routes
}

output "endpoint_services" {
  description = "AWS services reached without leaving the network."
  value       = module.network.endpoint_services
}

output "deployment" {
  description = "What Kubernetes manifests refer to."
  value = {
    cluster       = module.cluster.name
    pipeline_role = one(module.pipeline[*].role_arn)
    repositories  = { for name, repository in aws_ecr_repository.this : name => "${var.home.account_id}.dkr.ecr.${var.home.name}.amazonaws.com/${repository.name}" }
    target_groups = { for name, group in aws_lb_target_group.edge : name => group.arn }
    tenant_key    = module.key["tenant"].arn
    backups       = { bucket = module.key_store_backups.id, key_id = module.key["objects"].arn }
    audit         = { bucket = module.audit.id, key_id = module.key["audit"].arn, signing_key_id = module.signing_key.arn }
    roles         = { for account, role in aws_iam_role.pod : account => "arn:aws:iam::${var.home.account_id}:role/${role.name}" }
    databases     = { for name, database in local.databases : name => database.endpoint }
  }
}
