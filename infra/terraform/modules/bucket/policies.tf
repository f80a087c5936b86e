# Who may touch the bucket: TLS only, this account only, this region's key only; AWS services deliver for this account alone.
locals {
  everything = [local.arn, "${local.arn}/*"]

  deny_plaintext = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "s3:*"
    Resource  = local.everything
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }

  deny_old_tls = {
    Sid       = "Tls12OrNewer"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "s3:*"
    Resource  = local.everything
    Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
  }

  deny_other_accounts = {
    Sid       = "OnlyThisAccount"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "s3:*"
    Resource  = local.everything
    Condition = {
      StringNotEquals = { "aws:PrincipalAccount" = var.home.account_id }
      Bool            = { "aws:PrincipalIsAWSService" = "false" }
    }
  }

  deny_replication = {
    Sid       = "NeverReplicated"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = ["s3:PutReplicationConfiguration", "s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:InitiateReplication"]
    Resource  = local.everything
  }

  # A missing header matches too: the writer must say aws:kms.
  deny_unencrypted = [for _ in range(var.writers_send_encryption ? 1 : 0) : {
    Sid       = "SseKmsOnly"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "s3:PutObject"
    Resource  = "${local.arn}/*"
    Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" } }
  }]

  deny_other_keys = [for _ in range(var.receives_access_logs ? 0 : 1) : {
    Sid       = "OnlyThisKey"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "s3:PutObject"
    Resource  = "${local.arn}/*"
    Condition = {
      StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.key_arn }
      Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
    }
  }]

  allow_delivery = flatten([for service, grant in var.delivery : [
    {
      Sid       = "Deliver${replace(title(replace(service, "/[.-]/", " ")), " ", "")}"
      Effect    = "Allow"
      Principal = { Service = service }
      Action    = "s3:PutObject"
      Resource  = "${local.arn}/${grant.prefix}*"
      Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
    },
    {
      Sid       = "Look${replace(title(replace(service, "/[.-]/", " ")), " ", "")}"
      Effect    = "Allow"
      Principal = { Service = service }
      Action    = ["s3:GetBucketAcl", "s3:ListBucket", "s3:GetBucketLocation"]
      Resource  = local.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
    },
  ]])

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [local.deny_plaintext, local.deny_old_tls, local.deny_other_accounts, local.deny_replication],
      local.deny_unencrypted,
      local.deny_other_keys,
      local.allow_delivery,
    )
  })
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = local.policy

  depends_on = [aws_s3_bucket_public_access_block.this]
}
