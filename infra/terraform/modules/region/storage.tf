# The region's buckets: documents, sealed audit checkpoints, backups, the trail, and the access logs of the others.
module "access_logs" {
  source                  = "../bucket"
  home                    = var.home
  name                    = "access-logs"
  receives_access_logs    = true
  writers_send_encryption = false
  delivery                = { "logging.s3.amazonaws.com" = { prefix = "" } }
  expire_days             = local.log_days
  force_destroy           = var.throw_away
}

module "documents" {
  source        = "../bucket"
  home          = var.home
  name          = "documents"
  key_arn       = module.key["objects"].arn
  log_bucket    = module.access_logs.id
  force_destroy = var.throw_away
}

module "audit" {
  source     = "../bucket"
  home       = var.home
  name       = "audit"
  key_arn    = module.key["audit"].arn
  log_bucket = module.access_logs.id
  lock_days  = var.audit_lock_days
}

module "backups" {
  source        = "../bucket"
  home          = var.home
  name          = "backups"
  key_arn       = module.key["objects"].arn
  log_bucket    = module.access_logs.id
  expire_days   = 35
  force_destroy = var.throw_away
}

# Apart from other backups, because these must end: 14 days, a day for S3 to see it, and no longer behind that.
module "key_store_backups" {
  source          = "../bucket"
  home            = var.home
  name            = "key-store-backups"
  key_arn         = module.key["objects"].arn
  log_bucket      = module.access_logs.id
  expire_days     = 14
  noncurrent_days = 1
  force_destroy   = var.throw_away
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

locals {
  buckets = {
    documents   = module.documents, audit = module.audit, backups = module.backups, key-store-backups = module.key_store_backups, trail = module.trail,
    access-logs = module.access_logs
  }
}
