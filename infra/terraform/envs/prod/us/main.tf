# The United States, prod: one account, one provider, one module block, applied alone with a state of its own.
terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # The state lies in this account and this region; backend.hcl says where.
  backend "s3" {}
}

locals {
  catalog = jsondecode(file("${path.module}/../catalog.json"))
  place   = local.catalog.regions["us"]
  home    = merge({ environment = local.catalog.environment, code = "us" }, local.place.home)
}

# The only provider: it knows one region and refuses every account but this one.
provider "aws" {
  region              = local.home.name
  allowed_account_ids = [local.home.account_id]

  default_tags {
    tags = { product = "domicile", environment = local.home.environment, region = local.home.code, jurisdiction = local.home.jurisdiction }
  }
}

module "region" {
  source = "../../../modules/region"
  home   = local.home
  base   = local.catalog.base
  cidr   = "10.10.0.0/16"

  shards    = { 1 = { instance_class = "db.r7g.xlarge", instances = 3 } }
  key_store = { instance_class = "db.r7g.large", instances = 3 }
  nodes     = { type = "m7g.xlarge", min = 3, max = 24 }

  control_addresses = local.catalog.control.addresses
  transit_peers     = { for code, region in local.catalog.regions : code => { addresses = region.addresses, egress_addresses = region.egress_addresses } if code != local.home.code }

  pipeline           = local.catalog.pipeline
  alert_emails       = ["operations@${local.catalog.base}"]
  monthly_budget_usd = 4500
}

output "region" {
  description = "What the catalog, the manifests and the policy check take from this region."
  value       = module.region
}
