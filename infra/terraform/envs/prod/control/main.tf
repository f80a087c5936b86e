# The control plane, prod: one account, one provider, one module block; it holds no patient data.
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
  place   = local.catalog.control
  home    = merge({ environment = local.catalog.environment, code = "control" }, local.place.home)
}

# The only provider: it knows one region and refuses every account but this one.
provider "aws" {
  region              = local.home.name
  allowed_account_ids = [local.home.account_id]

  default_tags {
    tags = { product = "domicile", environment = local.home.environment, region = local.home.code, jurisdiction = local.home.jurisdiction }
  }
}

module "control" {
  source   = "../../../modules/control"
  home     = local.home
  base     = local.catalog.base
  cidr     = "10.19.0.0/16"
  database = { instance_class = "db.t4g.medium", instances = 2 }
  nodes    = { type = "m7g.large", min = 2, max = 4 }
  regions  = { for code, region in local.catalog.regions : code => { name_servers = region.name_servers, addresses = region.addresses, egress_addresses = region.egress_addresses } }

  pipeline           = local.catalog.pipeline
  alert_emails       = ["operations@${local.catalog.base}"]
  monthly_budget_usd = 2250
}

output "control" {
  description = "What the registrar, the catalog and the manifests take from the control plane."
  value       = module.control
}
