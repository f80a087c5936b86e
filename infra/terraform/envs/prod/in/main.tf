# India: one account, one provider, one module block. Applied alone, with a state of its own in its own account and region.
terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

}

locals {
  catalog = jsondecode(file("../catalog.json"))
  home    = merge({ environment = local.catalog.environment, code = "in" }, local.catalog.regions["in"].home)
}

provider "aws" {
  region              = local.home.name
  allowed_account_ids = [local.home.account_id]
}

module "region" {
  source    = "../../../modules/region"
  home      = local.home
  base      = local.catalog.base
  cidr      = "10.20.0.0/16"
  shards    = { 1 = { instance_class = "db.r7g.large", instances = 2 } }
  key_store = { instance_class = "db.t4g.medium", instances = 2 }
  nodes     = { type = "m7g.large", min = 3, max = 12 }

  alert_emails       = ["a@example.com"]
  monthly_budget_usd = 2500
}
