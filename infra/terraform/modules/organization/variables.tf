# Which accounts there are and in which regions each may do anything at all.
variable "root_id" {
  description = "Id of the organization's root, r-...; policies that hold everywhere attach here."
  type        = string

  validation {
    condition     = can(regex("^r-[0-9a-z]{4,32}$", var.root_id))
    error_message = "The root's id starts with r-."
  }
}

variable "organization_id" {
  description = "Id of the organization, o-...; only its identities may touch its things."
  type        = string

  validation {
    condition     = can(regex("^o-[0-9a-z]{10,32}$", var.organization_id))
    error_message = "The organization's id starts with o-."
  }
}

variable "accounts" {
  description = "Every workload account by name: its id, its jurisdiction, its home region, and regions of the same country that may hold a backup copy."
  type = map(object({
    account_id   = string
    jurisdiction = string
    home         = string
    backup       = optional(list(string), [])
  }))

  validation {
    condition     = length(distinct([for account in values(var.accounts) : account.account_id])) == length(var.accounts)
    error_message = "Two regions share an account: an account is of one region and one jurisdiction."
  }

  validation {
    condition = alltrue([for account in values(var.accounts) : contains(
      try(jsondecode(file("${path.module}/../../jurisdictions.json"))[account.jurisdiction].regions, []), account.home
    )])
    error_message = "A home region lies outside its jurisdiction."
  }

  validation {
    condition = alltrue(flatten([for account in values(var.accounts) : [for region in account.backup : contains(
      try(jsondecode(file("${path.module}/../../jurisdictions.json"))[account.jurisdiction].regions, []), region
    )]]))
    error_message = "A backup region lies outside its jurisdiction."
  }
}
