# What a bucket needs to know: where it lives, its key, who may deliver into it, and how long objects stay.
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

variable "name" {
  description = "Short name of the bucket: documents, audit, backups, key-store-backups, access-logs, trail."
  type        = string
}

variable "key_arn" {
  description = "KMS key of this region for every object; null only for the access-log bucket, which S3 log delivery requires."
  type        = string
  default     = null
  nullable    = true
}

variable "receives_access_logs" {
  description = "This is the bucket that the others log to: S3 delivers there without KMS, and it does not log itself."
  type        = bool
  default     = false
}

variable "log_bucket" {
  description = "Bucket that receives server access logs; null for that bucket itself."
  type        = string
  default     = null
  nullable    = true
}

variable "writers_send_encryption" {
  description = "Refuse uploads that do not name SSE-KMS themselves; off where an AWS service delivers."
  type        = bool
  default     = true
}

variable "delivery" {
  description = "AWS services that deliver into the bucket, with the object prefix each may write."
  type        = map(object({ prefix = string }))
  default     = {}
}

variable "lock_days" {
  description = "Object Lock in COMPLIANCE mode for this many days; null for a bucket without a lock."
  type        = number
  default     = null
  nullable    = true
}

variable "expire_days" {
  description = "Objects are deleted after this many days; null keeps them until the application deletes them."
  type        = number
  default     = null
  nullable    = true
}

variable "noncurrent_days" {
  description = "Overwritten and deleted versions stay this many days."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 90
    error_message = "Old versions stay between 1 and 90 days: longer defeats erasure."
  }
}

variable "force_destroy" {
  description = "Delete the bucket with its objects; only for throw-away environments."
  type        = bool
  default     = false
}
