# Everything the control plane is told; it has no variable for a bucket of documents, a shard or a tenant key.
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

variable "database" {
  description = "Size of the control database: clinics, regions, administrators; no patient."
  type        = object({ instance_class = string, instances = number })
}

variable "nodes" {
  description = "Instance type and number of the cluster's nodes."
  type        = object({ type = string, min = number, max = number })
}

variable "regions" {
  description = "Regions by code: where their zone is served, where their front doors answer, and from where they fetch the directory."
  type        = map(object({ name_servers = list(string), addresses = list(string), egress_addresses = list(string) }))
}

variable "requests_per_five_minutes" {
  description = "Requests that one address may send to the console in five minutes before it is refused."
  type        = number
  default     = 2000
}

variable "log_retention_days" {
  description = "Days that logs stay; null takes the jurisdiction's floor."
  type        = number
  default     = null
  nullable    = true
}

variable "alert_emails" {
  description = "Who is told about alarms and the budget."
  type        = list(string)
}

variable "admin_role_arns" {
  description = "IAM roles of this account that may administer the Kubernetes cluster."
  type        = list(string)
  default     = []
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
  description = "No deletion protection, buckets deleted with their objects; refused in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.throw_away && var.home.environment == "prod")
    error_message = "Production is never thrown away."
  }
}
