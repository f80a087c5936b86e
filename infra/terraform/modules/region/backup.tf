# Backups in a locked vault of this region; a copy, if any, goes to a second vault inside the same country.
resource "aws_backup_vault" "this" {
  name          = local.name
  kms_key_arn   = module.key["backup"].arn
  force_destroy = var.throw_away
}

# Three days after this is applied the lock is in compliance mode: nobody can shorten or remove it, AWS included.
resource "aws_backup_vault_lock_configuration" "this" {
  count               = var.throw_away ? 0 : 1
  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = 7
  max_retention_days  = 35
  changeable_for_days = 3
}

resource "aws_backup_vault_policy" "this" {
  backup_vault_name = aws_backup_vault.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyThisAccount"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["backup:CopyIntoBackupVault", "backup:CopyFromBackupVault", "backup:StartCopyJob", "backup:StartRestoreJob"]
        Resource  = "*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = var.home.account_id }
          Bool            = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
      {
        Sid       = "NothingIsDeletedByHand"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
        Resource  = "*"
      },
    ]
  })
}

# Thirty-five days and no longer: an erased person is gone from the last copy after that.
resource "aws_backup_plan" "this" {
  name = local.name

  rule {
    rule_name                = "daily"
    target_vault_name        = aws_backup_vault.this.name
    schedule                 = "cron(0 21 * * ? *)"
    start_window             = 60
    completion_window        = 360
    enable_continuous_backup = false

    lifecycle {
      delete_after = 35
    }

    dynamic "copy_action" {
      for_each = var.backup_copy[*]

      content {
        destination_vault_arn = copy_action.value.vault_arn

        lifecycle {
          delete_after = 35
        }
      }
    }
  }
}

resource "aws_iam_role" "backup" {
  name = "${local.name}-backup"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each   = toset(["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])
  role       = aws_iam_role.backup.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/${each.key}"
}

resource "aws_backup_selection" "databases" {
  name         = "${local.name}-databases"
  iam_role_arn = aws_iam_role.backup.arn
  plan_id      = aws_backup_plan.this.id

  selection_tag {
    type  = "STRINGEQUALS"
    key   = "domicile:backup"
    value = "daily"
  }
}

resource "aws_backup_vault_notifications" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  sns_topic_arn       = module.observability.topic_arns["operations"]
  backup_vault_events = ["BACKUP_JOB_FAILED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"]
}
