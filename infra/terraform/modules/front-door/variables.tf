# What the names of one region need to know.
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

variable "base" {
  description = "Base domain, e.g. domicile.example."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.base))
    error_message = "The base domain is lower case, without a trailing dot."
  }
}

variable "addresses" {
  description = "Static addresses of this region's load balancer, one a zone."
  type        = list(string)

  validation {
    condition     = length(var.addresses) >= 2 && length(var.addresses) <= 3
    error_message = "One address a zone, two or three of them."
  }
}
