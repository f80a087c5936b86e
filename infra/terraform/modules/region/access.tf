# What each kind of pod may do, and nothing more: the front door holds no key and no data, the worker alone seals the log, publishes
# alarms and sends mail and texts, the drills read, and who backs the key store up makes and ends the keys of weeks. What people do by hand (rotating
# a KMS key now, putting a backup back) is for a role of theirs.
locals {
  pods = {
    front-door                   = { namespace = "domicile" }
    backend                      = { namespace = "domicile" }
    worker                       = { namespace = "domicile" }
    migrate                      = { namespace = "domicile" }
    audit-verify                 = { namespace = "domicile" }
    key-store-backup             = { namespace = "domicile" }
    restore-drill                = { namespace = "domicile" }
    traces                       = { namespace = "monitoring" }
    logs                         = { namespace = "monitoring" }
    cert-manager                 = { namespace = "cert-manager" }
    aws-load-balancer-controller = { namespace = "kube-system" }
  }

  in_region = { StringEquals = { "aws:RequestedRegion" = var.home.name } }

  secrets_of = {
    for role in ["front-door", "backend", "worker", "migrate", "audit-verify", "key-store-backup", "traces", "logs"] : role => [
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "arn:aws:secretsmanager:${var.home.name}:${var.home.account_id}:secret:domicile/${var.home.code}/${role}/*" },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = module.key["secrets"].arn, Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.home.name}.amazonaws.com" } } },
    ]
  }

  # Every call with the tenant key names this region and a clinic in its encryption context; only the keys of access tokens are the
  # region's own.
  tenant_key = [
    { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.key["tenant"].arn, Condition = {
      StringEquals = { "kms:EncryptionContext:hc:cell" = var.home.name }
      Null         = { "kms:EncryptionContext:hc:tenant" = "false" }
    } },
    { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.key["tenant"].arn, Condition = {
      StringEquals = { "kms:EncryptionContext:hc:cell" = var.home.name, "kms:EncryptionContext:hc:purpose" = "token" }
      Null         = { "kms:EncryptionContext:hc:tenant" = "true" }
    } },
    { Effect = "Allow", Action = "kms:DescribeKey", Resource = module.key["tenant"].arn },
  ]

  # What goes, goes with every version: a delete marker would only hide it.
  documents = [
    { Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObjectVersion"], Resource = "${module.documents.arn}/*" },
    { Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], Resource = module.documents.arn },
    { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.key["objects"].arn, Condition = { StringEquals = { "kms:ViaService" = "s3.${var.home.name}.amazonaws.com" } } },
  ]

  # The archive is read by whoever checks the log against it at its start. Nobody has a verb that removes something; in COMPLIANCE a
  # retention can be set and lengthened, and shortened by nobody.
  archive = [
    { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = "${module.audit.arn}/*" },
    { Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket", "s3:ListBucketVersions"], Resource = module.audit.arn },
    { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.key["audit"].arn, Condition = { StringEquals = { "kms:ViaService" = "s3.${var.home.name}.amazonaws.com" } } },
  ]

  # A backend states there how much it has committed, and nothing else; the worker writes the log, the ledger of erasures and packs.
  archive_writes = {
    for role, names in { backend = "log/shard-*/tally/*", worker = "*" } : role => [
      { Effect = "Allow", Action = ["s3:PutObject", "s3:PutObjectRetention"], Resource = "${module.audit.arn}/${names}" },
    ]
  }

  # A checkpoint is signed whole by the key that the region's directory names; no other algorithm and no digest of somebody else's.
  signing = [
    { Effect = "Allow", Action = "kms:Sign", Resource = module.signing_key.arn, Condition = { StringEquals = { "kms:SigningAlgorithm" = "ECDSA_SHA_256", "kms:MessageType" = "RAW" } } },
    { Effect = "Allow", Action = ["kms:DescribeKey", "kms:GetPublicKey"], Resource = module.signing_key.arn },
  ]

  # The keys of weeks, which wrap the key store's backups. Who makes them may name and end no other key: not one that Terraform made,
  # whatever name it were given, and none without the name of a week.
  weeks = "alias/domicile/epoch/${var.home.name}/*"
  week_key = {
    "ForAnyValue:StringLike" = { "kms:ResourceAliases" = local.weeks }
    StringEquals             = { "kms:EncryptionContext:hc:cell" = var.home.name }
    Null                     = { "kms:EncryptionContext:hc:epoch" = "false" }
  }
  account_keys = "arn:aws:kms:${var.home.name}:${var.home.account_id}:key/*"

  week_keys = [
    { Effect = "Allow", Action = "kms:CreateKey", Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = var.home.name, "kms:KeySpec" = "SYMMETRIC_DEFAULT" }, Bool = { "kms:MultiRegion" = "false" } } },
    { Effect = "Allow", Action = "kms:CreateAlias", Resource = ["arn:aws:kms:${var.home.name}:${var.home.account_id}:${local.weeks}", local.account_keys] },
    { Effect = "Allow", Action = ["kms:DescribeKey", "kms:ScheduleKeyDeletion"], Resource = local.account_keys, Condition = { "ForAnyValue:StringLike" = { "kms:ResourceAliases" = local.weeks } } },
    { Effect = "Allow", Action = "kms:GenerateDataKey", Resource = local.account_keys, Condition = local.week_key },
    { Effect = "Deny", Action = ["kms:CreateAlias", "kms:ScheduleKeyDeletion"], Resource = concat([for key in module.key : key.arn], [module.signing_key.arn]) },
  ]

  # Each drill starts as a process of the region does, which looks at its key, its buckets and the ledger before anything else.
  pins = [
    { Effect = "Allow", Action = "kms:DescribeKey", Resource = module.key["tenant"].arn },
    { Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket"], Resource = module.documents.arn },
  ]

  # Rows are compared inside a clinic's transaction, whose context is signed with a key of the clinic; nothing sealed is opened.
  audit_verify = [
    { Effect = "Allow", Action = "kms:Decrypt", Resource = module.key["tenant"].arn, Condition = {
      StringEquals = { "kms:EncryptionContext:hc:cell" = var.home.name }
      Null         = { "kms:EncryptionContext:hc:tenant" = "false" }
    } },
    { Effect = "Allow", Action = ["kms:DescribeKey", "kms:GetPublicKey"], Resource = module.signing_key.arn },
  ]

  backups_in = [
    { Effect = "Allow", Action = "s3:PutObject", Resource = "${module.key_store_backups.arn}/*" },
    { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.key["objects"].arn, Condition = { StringEquals = { "kms:ViaService" = "s3.${var.home.name}.amazonaws.com" } } },
  ]

  backups_out = [
    { Effect = "Allow", Action = "s3:GetObject", Resource = "${module.key_store_backups.arn}/*" },
    { Effect = "Allow", Action = "s3:ListBucket", Resource = module.key_store_backups.arn },
    { Effect = "Allow", Action = "kms:Decrypt", Resource = module.key["objects"].arn, Condition = { StringEquals = { "kms:ViaService" = "s3.${var.home.name}.amazonaws.com" } } },
    { Effect = "Allow", Action = "kms:Decrypt", Resource = local.account_keys, Condition = local.week_key },
  ]

  worker = [
    { Effect = "Allow", Action = "sns:Publish", Resource = values(module.observability.topic_arns) },
    { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = aws_sqs_queue.findings.arn },
    { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.key["messaging"].arn },
    { Effect = "Allow", Action = "ses:SendRawEmail", Resource = "arn:aws:ses:${var.home.name}:${var.home.account_id}:identity/${var.base}" },
    # A telephone has no ARN: what is published to is anything but a topic, and SNS of this region takes it.
    { Effect = "Allow", Action = "sns:Publish", NotResource = "arn:aws:sns:*:*:*", Condition = local.in_region },
  ]

  pod_statements = {
    front-door = local.secrets_of["front-door"]
    backend    = concat(local.secrets_of["backend"], local.tenant_key, local.documents, local.archive, local.archive_writes["backend"])
    worker     = concat(local.secrets_of["worker"], local.tenant_key, local.documents, local.archive, local.archive_writes["worker"], local.signing, local.worker)
    migrate    = local.secrets_of["migrate"]

    audit-verify     = concat(local.secrets_of["audit-verify"], local.pins, local.archive, local.audit_verify)
    key-store-backup = concat(local.secrets_of["key-store-backup"], local.pins, local.week_keys, local.backups_in)
    restore-drill    = concat(local.pins, local.archive, local.backups_out)

    # X-Ray has no resource for what a program sends.
    traces = concat(local.secrets_of["traces"], [
      { Effect = "Allow", Action = "xray:PutTraceSegments", Resource = "*", Condition = local.in_region },
    ])
    logs = concat(local.secrets_of["logs"], [
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], Resource = "${module.observability.log_group_arns["application"]}:*" },
    ])
    cert-manager = [
      { Effect = "Allow", Action = "route53:GetChange", Resource = "arn:aws:route53:::change/*" },
      { Effect = "Allow", Action = "route53:ListResourceRecordSets", Resource = module.front_door.zone_arn },
      { Effect = "Allow", Action = "route53:ChangeResourceRecordSets", Resource = module.front_door.zone_arn, Condition = { "ForAllValues:StringEquals" = { "route53:ChangeResourceRecordSetsRecordTypes" = ["TXT"] } } },
    ]
    aws-load-balancer-controller = [
      { Effect = "Allow", Action = ["elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeAvailabilityZones"], Resource = "*", Condition = local.in_region },
      { Effect = "Allow", Action = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], Resource = [for group in aws_lb_target_group.edge : group.arn] },
    ]
  }
}

resource "aws_iam_role" "pod" {
  for_each = local.pods
  name     = "${local.name}-${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = var.home.account_id
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.key
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "pod" {
  for_each = local.pods
  name     = "least"
  role     = aws_iam_role.pod[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.pod_statements[each.key] })
}
