# What watching a region needs to know: its log groups, how long they stay, and what is worth an alarm.
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

variable "key_arn" {
  description = "KMS key of this region for log groups."
  type        = string
}

variable "topic_key_arn" {
  description = "KMS key of this region for the alarm topics."
  type        = string
}

variable "log_groups" {
  description = "Log groups to make, by what writes them."
  type        = map(string)
}

variable "retention_days" {
  description = "Days a log stays; null takes the jurisdiction's floor. Never below the floor: HIPAA documentation 6 years, DPDP Rules 1 year, CERT-In 180 days."
  type        = number
  default     = null
  nullable    = true

  validation {
    condition     = var.retention_days == null ? true : contains([400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.retention_days)
    error_message = "CloudWatch keeps logs only for the numbers of days it lists."
  }

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].log_days
    error_message = "The retention lies below the floor of the jurisdiction."
  }
}

variable "databases" {
  description = "Aurora cluster identifiers to watch, by short name."
  type        = map(string)
  default     = {}
}

variable "load_balancer" {
  description = "ARN suffix of the Network Load Balancer and of its target groups by name."
  type        = object({ arn_suffix = string, target_groups = map(string) })
}

variable "queues" {
  description = "SQS queues whose oldest message is watched, by short name."
  type        = map(string)
  default     = {}
}

variable "alert_emails" {
  description = "Who is told by e-mail; alarms hold no patient data."
  type        = list(string)
  default     = []
}

variable "monthly_budget_usd" {
  description = "Expected cost of the account a month, in US dollars; told at 80 % spent and 100 % forecast."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "A budget is above zero."
  }
}
