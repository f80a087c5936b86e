# What every account of ours has, whatever runs in it.
variable "home" {
  description = "Where everything here lives: environment, AWS region, its short code, its jurisdiction and the account that holds nothing else."
  type = object({
    environment  = string
    name         = string
    code         = string
    jurisdiction = string
    account_id   = string
  })
}

variable "trail_bucket" {
  description = "Name of this region's bucket for CloudTrail and Config."
  type        = string
}

variable "trail_bucket_arn" {
  description = "ARN of the same bucket."
  type        = string
}

variable "key_arn" {
  description = "KMS key of this region for CloudTrail."
  type        = string
}

variable "disk_key_arn" {
  description = "KMS key of this region that new disks take by default."
  type        = string
}

variable "log_group_arn" {
  description = "Log group of this region that receives the trail."
  type        = string
}

variable "alarm_topic_arn" {
  description = "SNS topic of this region for findings."
  type        = string
}

variable "findings_queue_arn" {
  description = "SQS queue of this region from which the worker takes findings; null where no worker runs."
  type        = string
  default     = null
  nullable    = true
}

variable "watch_findings_queue" {
  description = "Send findings to the queue; its ARN is not known before it exists."
  type        = bool
  default     = false
}

variable "object_reads" {
  description = "Buckets whose every object read and write goes into the trail."
  type        = list(string)
  default     = []
}
