# The control plane holds no patient data; it still stays in one place, and every part says so.
data "aws_region" "here" {}

locals {
  name = "domicile-${var.home.environment}-${var.home.code}"
}

resource "terraform_data" "residency" {
  input = var.home

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The provider points at ${data.aws_region.here.name}, but the control plane is in ${var.home.name}."
    }

    precondition {
      condition     = !contains(keys(var.regions), var.home.code)
      error_message = "The control plane's code is not a region's."
    }
  }
}
