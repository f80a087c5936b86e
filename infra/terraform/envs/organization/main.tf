# The organization: what no account may do and where each may do anything, for every account of every environment.
terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  backend "s3" {}
}

locals {
  organization = jsondecode(file("${path.module}/organization.json"))
  catalogs     = { for environment in ["dev", "staging", "prod"] : environment => jsondecode(file("${path.module}/../${environment}/catalog.json")) }

  # Every account of every catalog is locked: none can be forgotten here.
  accounts = merge([for environment, catalog in local.catalogs : {
    for code, place in merge(catalog.regions, { control = catalog.control }) : "${environment}-${code}" => {
      account_id   = place.home.account_id
      jurisdiction = place.home.jurisdiction
      home         = place.home.name
      backup       = try(place.backup, [])
    }
  }]...)
}

provider "aws" {
  region              = local.organization.home
  allowed_account_ids = [local.organization.account_id]
}

module "organization" {
  source          = "../../modules/organization"
  root_id         = local.organization.root_id
  organization_id = local.organization.organization_id
  accounts        = local.accounts
}

output "region_locks" {
  description = "Region lock of each account, as JSON."
  value       = module.organization.region_locks
}
