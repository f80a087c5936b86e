# What the pipelines are told of this place.
output "role_arn" {
  description = "Role that a deployment takes (DEPLOY_ROLE of the place's environment)."
  value       = aws_iam_role.this.arn
}
