# The rules of residency on a whole planned region, with a provider that is only pretended: what it holds, and what it refuses to be told.
mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "ap-south-1" }
  }
}

# Only the keys' ARNs, so that policies that name them can be read before there is a key.
override_module {
  target = module.key
  outputs = {
    arn          = "arn:aws:kms:ap-south-1:222222222223:key/00000000-0000-0000-0000-000000000000"
    region       = "ap-south-1"
    multi_region = false
    policy       = "{}"
  }
}

override_module {
  target = module.signing_key
  outputs = {
    arn          = "arn:aws:kms:ap-south-1:222222222223:key/00000000-0000-0000-0000-000000000001"
    region       = "ap-south-1"
    multi_region = false
    policy       = "{}"
  }
}

variables {
  home = { environment = "prod", name = "ap-south-1", code = "in", jurisdiction = "IN", account_id = "222222222223" }
  base = "domicile.example"
  cidr = "10.11.0.0/16"

  shards    = { 1 = { instance_class = "db.r7g.large", instances = 2 }, 2 = { instance_class = "db.r7g.large", instances = 2 } }
  key_store = { instance_class = "db.t4g.medium", instances = 2 }
  nodes     = { type = "m7g.large", min = 3, max = 6 }

  alert_emails       = ["operations@domicile.example"]
  monthly_budget_usd = 1000

  control_addresses = ["198.51.100.1"]
  transit_peers     = { us = { addresses = ["198.51.100.11"], egress_addresses = ["203.0.113.11"] } }
}

# One plan for all that a region as it should be must hold: a plan takes seconds, a look at it none.
run "a_region_holds_the_rules_of_residency" {
  command = plan

  # Everything is at home.
  assert {
    condition     = alltrue([for place in values(output.places) : place == "ap-south-1"]) && length(output.places) >= 12
    error_message = "A part is elsewhere: ${jsonencode(output.places)}"
  }

  assert {
    condition     = alltrue([for service in output.endpoint_services : startswith(service, "com.amazonaws.ap-south-1.")])
    error_message = "An endpoint leads to another region."
  }

  assert {
    condition     = alltrue([for database in values(output.databases) : startswith(database.arn, "arn:aws:rds:ap-south-1:222222222223:")])
    error_message = "A database is elsewhere."
  }

  # Names answer with this region alone.
  assert {
    condition     = output.clinics.name == "*.in.domicile.example"
    error_message = "Clinics have another wildcard."
  }

  assert {
    condition     = length(output.routing_policies) == 0
    error_message = "A name can answer with another region."
  }

  # Databases force TLS and log no statement.
  assert {
    condition = alltrue([for database in values(output.databases) : alltrue([
      for name, value in {
        "rds.force_ssl"                       = "1"
        "ssl_min_protocol_version"            = "TLSv1.3"
        "password_encryption"                 = "scram-sha-256"
        "log_statement"                       = "none"
        "log_min_error_statement"             = "panic"
        "log_error_verbosity"                 = "terse"
        "log_parameter_max_length"            = "0"
        "log_parameter_max_length_on_error"   = "0"
        "log_min_duration_statement"          = "-1"
        "pg_stat_statements.track_utility"    = "0"
        "idle_in_transaction_session_timeout" = "10000"
      } : database.parameters[name] == value
    ])])
    error_message = "A setting that keeps rows and statements out of logs is missing."
  }

  assert {
    condition     = alltrue([for database in values(output.databases) : database.encrypted])
    error_message = "A database is not encrypted."
  }

  assert {
    condition     = output.databases["shard-1"].backup_days == 35 && output.databases["shard-2"].backup_days == 35
    error_message = "Point-in-time recovery is short."
  }

  assert {
    condition     = output.databases["key-store"].backup_days == 7
    error_message = "Old copies of the key store would outlive an erasure."
  }

  # Buckets are private, encrypted and TLS only.
  assert {
    condition     = alltrue([for name, bucket in output.buckets : bucket.private && bucket.encryption == (name == "access-logs" ? "AES256" : "aws:kms")])
    error_message = "A bucket is public or not encrypted with our key."
  }

  assert {
    condition = alltrue(flatten([for bucket in values(output.buckets) : [for sid in ["TlsOnly", "OnlyThisAccount", "NeverReplicated"] :
      contains([for statement in jsondecode(bucket.policy).Statement : statement.Sid if statement.Effect == "Deny"], sid)
    ]]))
    error_message = "A bucket policy lacks a refusal."
  }

  assert {
    condition = alltrue(flatten([for name in ["documents", "audit", "backups", "key-store-backups"] : [for sid in ["SseKmsOnly", "OnlyThisKey"] :
      contains([for statement in jsondecode(output.buckets[name].policy).Statement : statement.Sid], sid)
    ]]))
    error_message = "A bucket takes what is not encrypted with its key."
  }

  assert {
    condition     = output.buckets["audit"].lock.mode == "COMPLIANCE" && output.buckets["audit"].lock.days >= 2192
    error_message = "The audit bucket is not locked for six years."
  }

  # A backend states its count in the archive and signs nothing.
  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.pod["backend"].policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "s3:PutObjectRetention")
    ]) == ["arn:aws:s3:::domicile-prod-in-audit-222222222223/log/shard-*/tally/*"]
    error_message = "A backend writes elsewhere in the archive, or not at all."
  }

  assert {
    condition = !anytrue(flatten([for statement in jsondecode(aws_iam_role_policy.pod["backend"].policy).Statement : [
      for action in flatten([statement.Action]) : action == "kms:Sign" || endswith(action, ":*") || strcontains(action, "BypassGovernance")
    ]]))
    error_message = "A backend may sign the log, or more than anybody has listed."
  }

  # Logs stay as long as the jurisdiction asks.
  assert {
    condition     = alltrue([for group in values(output.log_groups) : group.days >= 400])
    error_message = "A log group lies below the floor of India."
  }

  assert {
    condition     = alltrue([for database in values(output.databases) : contains([for group in values(output.log_groups) : group.name], database.log_group)])
    error_message = "A database would make its own log group, without a key and for ever."
  }

  # Nothing is reachable but what is listed.
  assert {
    condition     = output.egress_routes == tolist(["198.51.100.1/32", "198.51.100.11/32"])
    error_message = "There is another way out: ${jsonencode(output.egress_routes)}"
  }
}

run "a_provider_of_another_region_is_refused" {
  command = plan

  override_data {
    target = data.aws_region.here
    values = { name = "us-east-1" }
  }

  expect_failures = [terraform_data.residency]
}

run "a_region_outside_its_jurisdiction_is_refused" {
  command = plan

  variables {
    home = { environment = "prod", name = "us-east-1", code = "in", jurisdiction = "IN", account_id = "222222222223" }
  }

  expect_failures = [var.home]
}

run "an_unknown_jurisdiction_is_refused" {
  command = plan

  variables {
    home = { environment = "prod", name = "ap-south-1", code = "in", jurisdiction = "XX", account_id = "222222222223" }
  }

  expect_failures = [var.home]
}

run "a_backup_copy_abroad_is_refused" {
  command = plan

  variables {
    backup_copy = { vault_arn = "arn:aws:backup:us-west-2:222222222223:backup-vault:copies" }
  }

  expect_failures = [var.backup_copy]
}

run "a_backup_copy_in_another_account_is_refused" {
  command = plan

  variables {
    backup_copy = { vault_arn = "arn:aws:backup:ap-south-2:111111111113:backup-vault:copies" }
  }

  expect_failures = [var.backup_copy]
}

run "a_backup_copy_in_the_country_is_planned" {
  command = plan

  variables {
    backup_copy = { vault_arn = "arn:aws:backup:ap-south-2:222222222223:backup-vault:copies" }
  }

  assert {
    condition     = one(one(aws_backup_plan.this.rule).copy_action).destination_vault_arn == "arn:aws:backup:ap-south-2:222222222223:backup-vault:copies"
    error_message = "The copy inside the country is not planned."
  }
}

run "an_audit_lock_below_the_floor_is_refused" {
  command = plan

  variables {
    audit_lock_days = 1095
  }

  expect_failures = [var.audit_lock_days]
}

run "administrators_of_another_account_are_refused" {
  command = plan

  variables {
    admin_role_arns = ["arn:aws:iam::111111111113:role/administrator"]
  }

  expect_failures = [var.admin_role_arns]
}

run "a_region_is_no_peer_of_itself" {
  command = plan

  variables {
    transit_peers = { in = { addresses = ["198.51.100.21"], egress_addresses = [] } }
  }

  expect_failures = [terraform_data.residency]
}

run "production_is_not_thrown_away" {
  command = plan

  variables {
    throw_away = true
  }

  expect_failures = [var.throw_away]
}
