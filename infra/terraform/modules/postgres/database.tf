# One Aurora PostgreSQL cluster of this region: encrypted with its key, TLS only, point-in-time recovery, never part of a global database.
data "aws_region" "here" {}

locals {
  id = "domicile-${var.home.environment}-${var.home.code}-${var.name}"
}

resource "aws_db_subnet_group" "this" {
  name       = local.id
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = local.id
  description = "PostgreSQL from the region's nodes; nothing goes out"
  vpc_id      = var.vpc_id
  tags        = { Name = local.id }
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from the nodes"
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_rds_cluster" "this" {
  #checkov:skip=CKV2_AWS_27:statements in a log would be patient data in a log
  #checkov:skip=CKV2_AWS_8:the plan selects by tag; the key store stays out on purpose, see modules/region/database.tf
  #checkov:skip=CKV_AWS_139:on, except in throw-away environments, which production refuses to be
  cluster_identifier = local.id
  engine             = "aurora-postgresql"
  engine_version     = var.engine_version
  database_name      = "domicile"
  port               = 5432

  # RDS makes the master's password, keeps it in Secrets Manager under our key and rotates it; nobody types it.
  master_username                     = "domicile_master"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.key_arn
  iam_database_authentication_enabled = true

  storage_encrypted               = true
  kms_key_id                      = var.key_arn
  db_subnet_group_name            = aws_db_subnet_group.this.name
  vpc_security_group_ids          = [aws_security_group.this.id]
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.this.name
  network_type                    = "IPV4"

  backup_retention_period         = var.backup_days
  preferred_backup_window         = "19:00-19:30"
  preferred_maintenance_window    = "sun:20:30-sun:21:30"
  copy_tags_to_snapshot           = true
  deletion_protection             = var.protect
  skip_final_snapshot             = !var.protect
  final_snapshot_identifier       = var.protect ? "${local.id}-last" : null
  enabled_cloudwatch_logs_exports = ["postgresql"]
  allow_major_version_upgrade     = false
  apply_immediately               = false

  tags = { Name = local.id, jurisdiction = var.home.jurisdiction, "domicile:backup" = var.vault ? "daily" : "none" }

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The database ${var.name} of ${var.home.name} would be made in ${data.aws_region.here.name}."
    }
  }
}

resource "aws_rds_cluster_instance" "this" {
  count                           = var.instances
  identifier                      = "${local.id}-${count.index + 1}"
  cluster_identifier              = aws_rds_cluster.this.id
  engine                          = aws_rds_cluster.this.engine
  engine_version                  = aws_rds_cluster.this.engine_version
  instance_class                  = var.instance_class
  db_parameter_group_name         = aws_db_parameter_group.this.name
  db_subnet_group_name            = aws_db_subnet_group.this.name
  publicly_accessible             = false
  auto_minor_version_upgrade      = true
  ca_cert_identifier              = "rds-ca-ecc384-g1"
  copy_tags_to_snapshot           = true
  monitoring_interval             = 30
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
  tags                            = { Name = "${local.id}-${count.index + 1}" }
}

resource "aws_iam_role" "monitoring" {
  name = "${local.id}-monitoring"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.home.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
