# A bucket that stays in its region: private, TLS only, encrypted with this region's key, versioned, logged and never replicated.
data "aws_region" "here" {}

locals {
  # The account id makes the name unique, so nobody else can own the name another account expects.
  bucket = "domicile-${var.home.environment}-${var.home.code}-${var.name}-${var.home.account_id}"
  arn    = "arn:aws:s3:::${local.bucket}"
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:copies in another region are what this project exists to prevent
  #checkov:skip=CKV_AWS_145:all but the access-log bucket, to which S3 cannot deliver with KMS
  #checkov:skip=CKV2_AWS_62:nothing waits for events; reads and writes are in the trail
  bucket              = local.bucket
  object_lock_enabled = var.lock_days != null
  force_destroy       = var.force_destroy
  tags                = { Name = var.name, jurisdiction = var.home.jurisdiction }

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The bucket ${var.name} of ${var.home.name} would be made in ${data.aws_region.here.name}."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = !var.receives_access_logs

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.receives_access_logs ? "AES256" : "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.receives_access_logs ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.log_bucket
  target_prefix = "${var.name}/"
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count  = var.lock_days == null ? 0 : 1
  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.lock_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "retention"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    dynamic "expiration" {
      for_each = var.expire_days == null ? [] : [var.expire_days]

      content {
        days = expiration.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
