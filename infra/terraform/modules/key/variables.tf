# What a key needs to know: where it lives, what it is for, and which AWS services may use it for this account.
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
  description = "Short name of the key; it becomes its alias."
  type        = string
}

variable "purpose" {
  description = "One sentence on what the key protects."
  type        = string
}

variable "services" {
  description = "AWS service principals that use the key on this account's behalf, e.g. logs.us-east-1.amazonaws.com."
  type        = list(string)
  default     = []
}

variable "signs" {
  description = "Whether the key signs (ECDSA over P-256) and encrypts nothing. AWS rotates no such key: a checkpoint names the key it was signed with."
  type        = bool
  default     = false
}
