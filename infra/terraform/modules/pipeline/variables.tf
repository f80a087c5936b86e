# What the role of a place's deployments needs to know.
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

variable "cluster" {
  description = "Name of this place's Kubernetes cluster."
  type        = string
}

variable "trust" {
  description = "Whose tokens are taken: issuer without https://, audience, subject; {place} stands for environment and code of this place."
  type        = object({ issuer = string, audience = string, subject = string })

  validation {
    condition     = strcontains("${var.trust.audience} ${var.trust.subject}", "{place}")
    error_message = "Audience or subject must hold {place}: else one place's approval would open every other."
  }

  validation {
    condition     = !can(regex("[*?]", "${var.trust.issuer}${var.trust.audience}${var.trust.subject}"))
    error_message = "A deployment's token is named exactly, without wildcards."
  }
}
