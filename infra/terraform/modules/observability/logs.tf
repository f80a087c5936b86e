# Log groups of this region, encrypted with its key, kept at least as long as its jurisdiction asks.
data "aws_region" "here" {}

locals {
  name           = "domicile-${var.home.environment}-${var.home.code}"
  floor          = jsondecode(file("${path.module}/../../jurisdictions.json"))[var.home.jurisdiction].log_days
  retention_days = coalesce(var.retention_days, local.floor)
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = var.log_groups
  name              = each.value
  kms_key_id        = var.key_arn
  retention_in_days = local.retention_days
  tags              = { Name = each.key, jurisdiction = var.home.jurisdiction }

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The log group ${each.key} of ${var.home.name} would be made in ${data.aws_region.here.name}."
    }
  }
}
