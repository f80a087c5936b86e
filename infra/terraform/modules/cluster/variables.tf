# What the Kubernetes cluster needs to know.
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

variable "kubernetes_version" {
  description = "Kubernetes version of control plane and nodes."
  type        = string
  default     = "1.33"
}

variable "vpc_id" {
  description = "VPC of the region."
  type        = string
}

variable "subnet_ids" {
  description = "App subnets, one a zone."
  type        = list(string)
}

variable "key_arn" {
  description = "KMS key of this region for Kubernetes secrets and node disks."
  type        = string
}

variable "node_type" {
  description = "Instance type of the nodes."
  type        = string
}

variable "nodes" {
  description = "Smallest and largest number of nodes."
  type        = object({ min = number, max = number })

  validation {
    condition     = var.nodes.min >= 2 && var.nodes.max >= var.nodes.min && var.nodes.max <= 100
    error_message = "Between 2 and 100 nodes."
  }
}

variable "ingress" {
  description = "Ports that the load balancer may open to the nodes, by name."
  type        = map(object({ port = number, security_group_id = string }))
}

variable "egress" {
  description = "What nodes may connect to outside the VPC, by name; the route table lists the same addresses."
  type        = map(object({ cidr = string, port = number }))
  default     = {}
}

variable "vpc_cidr" {
  description = "Address range of the VPC."
  type        = string
}

variable "s3_prefix_list" {
  description = "Prefix list of S3 in this region, reached over the gateway endpoint."
  type        = string
}

variable "roles" {
  description = "IAM role of each Kubernetes service account, by service account."
  type        = map(object({ namespace = string, role_arn = string }))
}

variable "admin_role_arns" {
  description = "IAM roles that may administer the cluster through its private endpoint."
  type        = list(string)
  default     = []
}
