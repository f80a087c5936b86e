# What the network needs to know: its address range, its zones, and the few addresses outside AWS that it may reach.
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

variable "cidr" {
  description = "Address range of the VPC, a /16."
  type        = string

  validation {
    condition     = endswith(var.cidr, "/16") && can(cidrnetmask(var.cidr))
    error_message = "The VPC is a /16."
  }
}

variable "zones" {
  description = "Letters of the three availability zones."
  type        = list(string)
  default     = ["a", "b", "c"]

  validation {
    condition     = length(distinct(var.zones)) == 3
    error_message = "Three zones: losing one leaves a quorum."
  }
}

variable "egress" {
  description = "Addresses outside AWS that may be reached, by name. There is no default route: what is not listed has no way out."
  type        = map(object({ cidr = string }))
  default     = {}

  validation {
    condition     = alltrue([for rule in values(var.egress) : endswith(rule.cidr, "/32") && can(cidrnetmask(rule.cidr))])
    error_message = "Each way out names one address (/32): another front door, the control plane, a mail relay."
  }
}

variable "flow_log_group_arn" {
  description = "Log group of this region for VPC flow logs."
  type        = string
}
