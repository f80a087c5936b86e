# The policies as text, for tests and for auditors.
output "region_locks" {
  description = "Region lock of each account, as JSON."
  value       = local.region_lock
}

output "everywhere" {
  description = "Policies of the whole organization, as JSON."
  value       = merge(local.contents, { perimeter = local.perimeter })
}
