# CloudTrail, GuardDuty, Security Hub, Config and the account's switches.
module "baseline" {
  source               = "../baseline"
  home                 = var.home
  trail_bucket         = module.trail.id
  trail_bucket_arn     = module.trail.arn
  key_arn              = module.key["audit"].arn
  disk_key_arn         = module.key["cluster"].arn
  log_group_arn        = module.observability.log_group_arns["trail"]
  alarm_topic_arn      = module.observability.topic_arns["security"]
  findings_queue_arn   = aws_sqs_queue.findings.arn
  watch_findings_queue = true
  object_reads         = [module.documents.arn, module.audit.arn, module.backups.arn, module.key_store_backups.arn]
}
