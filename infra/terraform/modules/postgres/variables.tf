# What one Aurora PostgreSQL cluster needs to know.
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
  description = "Short name of the cluster: shard-1, key-store, control."
  type        = string
}

variable "key_arn" {
  description = "KMS key of this region for storage, master secret and Performance Insights."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the region."
  type        = string
}

variable "subnet_ids" {
  description = "Data subnets."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "Security group of the nodes; nothing else may connect."
  type        = string
}

variable "engine_version" {
  description = "Aurora PostgreSQL version; 17 has transaction_timeout."
  type        = string
  default     = "17.4"

  validation {
    condition     = tonumber(split(".", var.engine_version)[0]) >= 17
    error_message = "PostgreSQL 17 or newer."
  }
}

variable "instance_class" {
  description = "Size of each instance."
  type        = string
}

variable "instances" {
  description = "How many instances, writer included; two or more survive the loss of a zone."
  type        = number

  validation {
    condition     = var.instances >= 1 && var.instances <= 6
    error_message = "Between 1 and 6 instances."
  }
}

variable "backup_days" {
  description = "Point-in-time recovery reaches back this many days."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "Between 7 and 35 days: Aurora keeps no more, and less leaves no time to notice."
  }
}

variable "protect" {
  description = "Refuse deletion and keep a last snapshot."
  type        = bool
  default     = true
}

variable "vault" {
  description = "Copy into the backup vault each day; off for the key store, whose old copies would outlive an erasure."
  type        = bool
  default     = true
}
