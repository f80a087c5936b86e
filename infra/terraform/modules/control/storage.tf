# Two buckets: the trail and the access logs; there is none for documents.
locals {
  log_days = coalesce(var.log_retention_days, jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].log_days)
  buckets  = { trail = module.trail, access-logs = module.access_logs }
}

module "access_logs" {
  source                  = "../bucket"
  home                    = var.home
  name                    = "access-logs"
  receives_access_logs    = true
  writers_send_encryption = false
  delivery = {
    "logging.s3.amazonaws.com"                       = { prefix = "" }
    "logdelivery.elasticloadbalancing.amazonaws.com" = { prefix = "console/" }
  }
  expire_days   = local.log_days
  force_destroy = var.throw_away
}

module "trail" {
  source                  = "../bucket"
  home                    = var.home
  name                    = "trail"
  key_arn                 = module.key["audit"].arn
  log_bucket              = module.access_logs.id
  writers_send_encryption = false
  expire_days             = local.log_days
  force_destroy           = var.throw_away

  delivery = {
    "cloudtrail.amazonaws.com" = { prefix = "cloudtrail/" }
    "config.amazonaws.com"     = { prefix = "config/" }
  }
}
