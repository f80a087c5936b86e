# What no account of ours may do, whoever asks: copy data away, share it, make it public, or switch off what watches.
locals {
  documents = {
    "no-copies" = {
      description = "No replication, no multi-Region keys, no peering, no cross-region services"
      statements = [
        {
          Sid    = "NoReplication"
          Effect = "Deny"
          Action = [
            "s3:PutReplicationConfiguration", "s3:CreateMultiRegionAccessPoint", "s3:PutAccelerateConfiguration",
            "rds:CreateGlobalCluster", "rds:StartDBInstanceAutomatedBackupsReplication", "rds:StartExportTask",
            "ecr:PutReplicationConfiguration", "secretsmanager:ReplicateSecretToRegions", "dynamodb:CreateGlobalTable",
            "securityhub:CreateFindingAggregator", "oam:CreateLink", "observabilityadmin:*", "datasync:*", "dms:*",
            "cloudfront:CreateDistribution*", "globalaccelerator:Create*", "route53-recovery-control-config:*",
            "ec2:CreateVpcPeeringConnection", "ec2:AcceptVpcPeeringConnection", "ec2:CreateTransitGatewayPeeringAttachment",
            "networkmanager:*", "bedrock:CreateInferenceProfile",
          ]
          Resource = "*"
        },
        {
          Sid       = "NoMultiRegionKeys"
          Effect    = "Deny"
          Action    = ["kms:CreateKey"]
          Resource  = "*"
          Condition = { Bool = { "kms:MultiRegion" = "true" } }
        },
        {
          Sid      = "NoKeyReplicas"
          Effect   = "Deny"
          Action   = ["kms:ReplicateKey", "kms:UpdatePrimaryRegion"]
          Resource = "*"
        },
        {
          Sid       = "NoReplicatedSecrets"
          Effect    = "Deny"
          Action    = ["secretsmanager:CreateSecret"]
          Resource  = "*"
          Condition = { Null = { "secretsmanager:AddReplicaRegions" = "false" } }
        },
        # Failover, latency and geography are how a name of one region comes to answer with another.
        {
          Sid      = "NoDnsFailover"
          Effect   = "Deny"
          Action   = ["route53:CreateHealthCheck", "route53:CreateTrafficPolicy", "route53:CreateTrafficPolicyInstance"]
          Resource = "*"
        },
      ]
    }

    "no-sharing" = {
      description = "No shared snapshots or images, no public buckets, no shared resources"
      statements = [
        {
          Sid    = "NoSharedSnapshots"
          Effect = "Deny"
          Action = [
            "rds:ModifyDBSnapshotAttribute", "rds:ModifyDBClusterSnapshotAttribute", "rds:CopyDBSnapshot", "rds:CopyDBClusterSnapshot",
            "ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute", "ec2:CopySnapshot", "ec2:CopyImage",
            "ec2:DisableSnapshotBlockPublicAccess", "ec2:DisableImageBlockPublicAccess", "ram:CreateResourceShare", "ram:AssociateResourceShare",
          ]
          Resource  = "*"
          Condition = { ArnNotLikeIfExists = { "aws:PrincipalArn" = "arn:aws:iam::*:role/domicile-*-backup" } }
        },
        {
          Sid    = "NoPublicBuckets"
          Effect = "Deny"
          Action = [
            "s3:PutAccountPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:PutBucketAcl", "s3:PutObjectAcl",
            "s3:PutBucketWebsite", "s3:DeleteBucketPolicy",
          ]
          Resource  = "*"
          Condition = { ArnNotLikeIfExists = { "aws:PrincipalArn" = "arn:aws:iam::*:role/domicile-deploy" } }
        },
        {
          Sid      = "NoShorterLocks"
          Effect   = "Deny"
          Action   = ["s3:BypassGovernanceRetention", "backup:DeleteBackupVaultLockConfiguration"]
          Resource = "*"
        },
      ]
    }

    "no-blindness" = {
      description = "Nobody leaves the organization or switches off what watches"
      statements = [
        {
          Sid    = "KeepWatching"
          Effect = "Deny"
          Action = [
            "organizations:LeaveOrganization", "account:EnableRegion", "account:DisableRegion",
            "cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "config:StopConfigurationRecorder", "config:DeleteConfigurationRecorder",
            "guardduty:DeleteDetector", "guardduty:DisassociateFromMasterAccount", "securityhub:DisableSecurityHub",
            "access-analyzer:DeleteAnalyzer", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy",
          ]
          Resource  = "*"
          Condition = { ArnNotLikeIfExists = { "aws:PrincipalArn" = "arn:aws:iam::*:role/domicile-deploy" } }
        },
        {
          Sid       = "NoRootUser"
          Effect    = "Deny"
          Action    = "*"
          Resource  = "*"
          Condition = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::*:root" } }
        },
        {
          Sid      = "NoLongLivedKeys"
          Effect   = "Deny"
          Action   = ["iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"]
          Resource = "*"
        },
      ]
    }
  }

  contents = { for name, document in local.documents : name => jsonencode({ Version = "2012-10-17", Statement = document.statements }) }

  # From the side of the things: whoever is not of this organization gets nothing, whatever a bucket or key policy says.
  perimeter = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOurs"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:*", "kms:*", "sqs:*", "secretsmanager:*", "sts:AssumeRole"]
      Resource  = "*"
      Condition = {
        StringNotEqualsIfExists = { "aws:PrincipalOrgID" = var.organization_id }
        BoolIfExists            = { "aws:PrincipalIsAWSService" = "false" }
      }
    }]
  })
}

resource "aws_organizations_policy" "everywhere" {
  for_each    = local.documents
  name        = each.key
  description = each.value.description
  type        = "SERVICE_CONTROL_POLICY"
  content     = local.contents[each.key]

  lifecycle {
    precondition {
      condition     = length(local.contents[each.key]) <= 5120
      error_message = "AWS takes policies of at most 5,120 characters."
    }
  }
}

resource "aws_organizations_policy_attachment" "everywhere" {
  for_each  = local.documents
  policy_id = aws_organizations_policy.everywhere[each.key].id
  target_id = var.root_id
}

resource "aws_organizations_policy" "perimeter" {
  name        = "perimeter"
  description = "Only identities of this organization reach its things"
  type        = "RESOURCE_CONTROL_POLICY"
  content     = local.perimeter
}

resource "aws_organizations_policy_attachment" "perimeter" {
  policy_id = aws_organizations_policy.perimeter.id
  target_id = var.root_id
}

# AWS may keep what its AI services process, in other regions too, unless the organization opts out.
resource "aws_organizations_policy" "no_ai_training" {
  name        = "no-ai-training"
  description = "AWS keeps nothing that its AI services process"
  type        = "AISERVICES_OPT_OUT_POLICY"
  content = jsonencode({
    services = { "@@operators_allowed_for_child_policies" = ["@@none"], default = {
      "@@operators_allowed_for_child_policies" = ["@@none"]
      opt_out_policy                           = { "@@operators_allowed_for_child_policies" = ["@@none"], "@@assign" = "optOut" }
    } }
  })
}

resource "aws_organizations_policy_attachment" "no_ai_training" {
  policy_id = aws_organizations_policy.no_ai_training.id
  target_id = var.root_id
}
