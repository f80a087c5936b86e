# The organization's policies as text: each account is locked to its region, and no exemption lets data out.
mock_provider "aws" {}

variables {
  root_id         = "r-abcd"
  organization_id = "o-abcdefghij"
  accounts = {
    us = { account_id = "111111111113", jurisdiction = "US", home = "us-east-1" }
    in = { account_id = "222222222223", jurisdiction = "IN", home = "ap-south-1", backup = ["ap-south-2"] }
  }
}

run "each_account_is_locked_to_its_region" {
  command = plan

  assert {
    condition     = jsondecode(output.region_locks["us"]).Statement[0].Condition.StringNotEquals["aws:RequestedRegion"] == ["us-east-1"]
    error_message = "The US account may act elsewhere."
  }

  assert {
    condition     = jsondecode(output.region_locks["in"]).Statement[0].Condition.StringNotEquals["aws:RequestedRegion"] == ["ap-south-1"]
    error_message = "The Indian account may act elsewhere."
  }

  assert {
    condition     = jsondecode(output.region_locks["in"]).Statement[1].Condition.StringNotEquals["aws:RequestedRegion"] == ["ap-south-1", "ap-south-2"]
    error_message = "Copies may leave the country, or may not be made in it."
  }

  assert {
    condition     = aws_organizations_policy_attachment.region_lock["in"].target_id == "222222222223"
    error_message = "The lock is attached to another account."
  }
}

run "no_exemption_holds_data" {
  command = plan

  assert {
    condition = alltrue([for lock in values(output.region_locks) : length(setintersection(
      toset([for action in jsondecode(lock).Statement[0].NotAction : split(":", action)[0]]),
      toset(["s3", "kms", "rds", "logs", "ec2", "eks", "cloudfront", "globalaccelerator", "sqs", "sns", "secretsmanager", "ecr", "sts", "dynamodb", "bedrock"]),
    )) == 0])
    error_message = "A service that holds or moves data is exempt from the region lock."
  }
}

run "copies_sharing_and_blindness_are_denied" {
  command = plan

  assert {
    condition = alltrue([for action in [
      "s3:PutReplicationConfiguration", "kms:ReplicateKey", "rds:CreateGlobalCluster", "rds:ModifyDBClusterSnapshotAttribute",
      "ec2:ModifySnapshotAttribute", "s3:PutBucketAcl", "ecr:PutReplicationConfiguration", "secretsmanager:ReplicateSecretToRegions",
      "ram:CreateResourceShare", "route53:CreateHealthCheck", "cloudtrail:StopLogging", "organizations:LeaveOrganization",
    ] : strcontains(join("", values(output.everywhere)), "\"${action}\"")])
    error_message = "An action that copies, shares or blinds is not denied."
  }

  assert {
    condition     = strcontains(output.everywhere["no-copies"], "kms:MultiRegion")
    error_message = "Multi-Region keys can be made."
  }

  assert {
    condition     = alltrue([for text in concat(values(output.everywhere), values(output.region_locks)) : length(text) <= 5120])
    error_message = "AWS would refuse a policy for its length."
  }

  assert {
    condition     = !strcontains(join("", concat([for name, text in output.everywhere : text], values(output.region_locks))), "\"Effect\":\"Allow\"")
    error_message = "A policy of the organization only ever denies."
  }
}

run "a_home_outside_the_jurisdiction_is_refused" {
  command = plan

  variables {
    accounts = { in = { account_id = "222222222223", jurisdiction = "IN", home = "us-east-1" } }
  }

  expect_failures = [var.accounts]
}

run "a_backup_region_outside_the_jurisdiction_is_refused" {
  command = plan

  variables {
    accounts = { in = { account_id = "222222222223", jurisdiction = "IN", home = "ap-south-1", backup = ["us-west-2"] } }
  }

  expect_failures = [var.accounts]
}

run "one_account_for_two_regions_is_refused" {
  command = plan

  variables {
    accounts = {
      us = { account_id = "111111111113", jurisdiction = "US", home = "us-east-1" }
      in = { account_id = "111111111113", jurisdiction = "IN", home = "ap-south-1" }
    }
  }

  expect_failures = [var.accounts]
}
