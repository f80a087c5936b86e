# One single-Region KMS key that can neither be copied to another region nor used by another account; one that encrypts rotates by itself.
data "aws_region" "here" {}

locals {
  account = "arn:aws:iam::${var.home.account_id}:root"

  # Negated conditions match when the key is absent, so each one also says that the caller is not an AWS service.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "AccountGrantsThroughIam"
          Effect    = "Allow"
          Principal = { AWS = local.account }
          Action    = "kms:*"
          Resource  = "*"
        },
        {
          Sid       = "NeverReplicated"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = ["kms:ReplicateKey", "kms:UpdatePrimaryRegion", "kms:ImportKeyMaterial"]
          Resource  = "*"
        },
        {
          Sid       = "OnlyInItsRegion"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = "kms:*"
          Resource  = "*"
          Condition = { StringNotEquals = { "aws:RequestedRegion" = var.home.name } }
        },
        {
          Sid       = "OnlyItsAccount"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = "kms:*"
          Resource  = "*"
          Condition = {
            StringNotEquals = { "aws:PrincipalAccount" = var.home.account_id }
            Bool            = { "aws:PrincipalIsAWSService" = "false" }
          }
        },
      ],
      [for service in var.services : {
        Sid       = "Service${replace(title(replace(service, "/[.-]/", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { Service = service }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        # CloudWatch Logs names the group in the encryption context and sends no source account.
        Condition = (
          startswith(service, "logs.")
          ? { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${var.home.name}:${var.home.account_id}:*" } }
          : { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
        )
      }],
    )
  })
}

resource "aws_kms_key" "this" {
  description              = var.purpose
  multi_region             = false
  enable_key_rotation      = var.signs ? false : true
  rotation_period_in_days  = var.signs ? null : 365
  deletion_window_in_days  = 30
  customer_master_key_spec = var.signs ? "ECC_NIST_P256" : "SYMMETRIC_DEFAULT"
  key_usage                = var.signs ? "SIGN_VERIFY" : "ENCRYPT_DECRYPT"
  policy                   = local.policy
  tags                     = { Name = "${var.home.code}-${var.name}", jurisdiction = var.home.jurisdiction }

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The key ${var.name} of ${var.home.name} would be made in ${data.aws_region.here.name}."
    }
  }
}

resource "aws_kms_alias" "this" {
  name          = "alias/domicile/${var.home.code}/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
