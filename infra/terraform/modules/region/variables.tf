# Everything that one region is told; nothing in here can name a second region but a backup copy inside the same country.
variable "home" {
  description = "Where everything here lives: environment, AWS region, its short code, its jurisdiction and the account that holds nothing else."
  type = object({
    environment  = string
    name         = string
    code         = string
    jurisdiction = string
    account_id   = string
  })

  validation {
    condition     = contains(["dev", "staging", "prod"], var.home.environment)
    error_message = "The environment is dev, staging or prod."
  }

  validation {
    condition     = can(regex("^[a-z]{2,8}$", var.home.code))
    error_message = "The code is two to eight small letters: it is part of every clinic host name."
  }

  validation {
    condition     = can(regex("^[0-9]{12}$", var.home.account_id))
    error_message = "An account id has twelve digits."
  }

  # There is no default: a jurisdiction that the table does not name is refused, and so is a region outside it.
  validation {
    condition     = can(jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction])
    error_message = "The jurisdiction is not in jurisdictions.json."
  }

  validation {
    condition     = contains(try(jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].regions, []), var.home.name)
    error_message = "The AWS region does not belong to the jurisdiction."
  }
}

variable "base" {
  description = "Base domain, e.g. domicile.example."
  type        = string
}

variable "cidr" {
  description = "Address range of the VPC, a /16."
  type        = string
}

variable "zones" {
  description = "Letters of the three availability zones."
  type        = list(string)
  default     = ["a", "b", "c"]
}

variable "shards" {
  description = "Database shards by number; a clinic lives on exactly one, about 1,000 clinics each."
  type        = map(object({ instance_class = string, instances = number }))

  validation {
    condition     = length(var.shards) > 0 && alltrue([for id in keys(var.shards) : can(regex("^[1-9][0-9]{0,4}$", id))])
    error_message = "A region has at least one shard; shards are numbered from 1."
  }
}

variable "key_store" {
  description = "Size of the database that holds wrapped keys, apart from every shard."
  type        = object({ instance_class = string, instances = number })
}

variable "nodes" {
  description = "Instance type and number of the cluster's nodes."
  type        = object({ type = string, min = number, max = number })
}

variable "control_addresses" {
  description = "Public addresses of the control plane's directory feed; the region connects to it, never the other way."
  type        = list(string)
  default     = []
}

variable "transit_peers" {
  description = "Front doors of other regions by code: where to carry an unopened TLS stream, and from where to accept one. Carries no data that is readable on the way."
  type        = map(object({ addresses = list(string), egress_addresses = list(string) }))
  default     = {}
}

variable "log_retention_days" {
  description = "Days that logs stay; null takes the jurisdiction's floor."
  type        = number
  default     = null
  nullable    = true
}

variable "audit_lock_days" {
  description = "Days that a sealed audit checkpoint cannot be deleted by anybody."
  type        = number
  default     = 2192

  validation {
    condition     = var.audit_lock_days >= try(jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].audit_days, 36500)
    error_message = "The audit lock lies below the floor of the jurisdiction."
  }
}

variable "backup_copy" {
  description = "Second vault inside the same country for copies of backups; null keeps backups in the home region alone."
  type        = object({ vault_arn = string })
  default     = null
  nullable    = true

  validation {
    condition     = var.backup_copy == null ? true : can(regex("^arn:aws:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:[A-Za-z0-9_-]+$", var.backup_copy.vault_arn))
    error_message = "The copy goes to a backup vault, given by its ARN."
  }

  validation {
    condition     = var.backup_copy == null ? true : contains(try(jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].regions, []), try(split(":", var.backup_copy.vault_arn)[3], ""))
    error_message = "Backups never leave the jurisdiction."
  }

  validation {
    condition     = var.backup_copy == null ? true : try(split(":", var.backup_copy.vault_arn)[4], "") == var.home.account_id
    error_message = "Backups never leave the account."
  }
}

variable "alert_emails" {
  description = "Who is told about alarms and the budget."
  type        = list(string)
}

variable "admin_role_arns" {
  description = "IAM roles of this account that may administer the Kubernetes cluster."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.admin_role_arns : startswith(arn, "arn:aws:iam::${var.home.account_id}:role/")])
    error_message = "Administrators are roles of this region's own account."
  }
}

variable "pipeline" {
  description = "Whose tokens let a pipeline deploy here (modules/pipeline); null lets people alone deploy."
  type        = object({ issuer = string, audience = string, subject = string })
  default     = null
  nullable    = true
}

variable "monthly_budget_usd" {
  description = "Expected cost a month, in US dollars."
  type        = number
}

variable "throw_away" {
  description = "No deletion protection, no vault lock, buckets deleted with their objects; refused in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.throw_away && var.home.environment == "prod")
    error_message = "Production is never thrown away."
  }
}
