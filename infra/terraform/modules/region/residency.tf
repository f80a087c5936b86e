# The rule of the house: the provider's region is the home region, and everything below it agrees. A plan that does not is no plan.
data "aws_region" "here" {}

locals {
  name = "domicile-${var.home.environment}-${var.home.code}"

  # Where each part says it is; one that differs stops the plan.
  places = merge(
    { network = data.aws_region.here.name, logs = module.observability.region, detection = module.baseline.region, cluster = module.cluster.region },
    { for name, key in module.key : "key ${name}" => key.region },
    { "key audit-signing" = module.signing_key.region },
    { for name, bucket in local.buckets : "bucket ${name}" => bucket.region },
    { for name, database in local.databases : "database ${name}" => database.region },
  )
}

resource "terraform_data" "residency" {
  input = var.home

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The provider points at ${data.aws_region.here.name}, but this is the home of ${var.home.name}."
    }

    precondition {
      condition     = alltrue([for place in values(local.places) : place == var.home.name])
      error_message = "Parts outside ${var.home.name}: ${jsonencode({ for part, place in local.places : part => place if place != var.home.name })}"
    }

    precondition {
      condition     = !contains(keys(var.transit_peers), var.home.code)
      error_message = "A region is not a peer of itself."
    }
  }
}
