# The region's own image registry: it pulls from no other region, and no other region pulls from it.
resource "aws_ecr_repository" "this" {
  for_each             = toset(["domicile", "keeper", "add-ons"])
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

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 50 images: enough to roll back a year"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
      action       = { type = "expire" }
    }]
  })
}
