# The control plane's image registry, apart from every region's.
resource "aws_ecr_repository" "this" {
  for_each             = toset(["domicile", "add-ons"])
  name                 = "domicile/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.throw_away

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = module.key["cluster"].arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}
