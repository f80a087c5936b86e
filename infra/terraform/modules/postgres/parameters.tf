# Server settings: TLS 1.3 forced, no statement, parameter or row ever in a log, no transaction left open.
locals {
  family = "aurora-postgresql${split(".", var.engine_version)[0]}"

  # row_security has no entry: it is on by default, and every process checks it when it starts.
  cluster_parameters = {
    "rds.force_ssl"                       = "1"
    "ssl_min_protocol_version"            = "TLSv1.3"
    "password_encryption"                 = "scram-sha-256"
    "rds.accepted_password_auth_method"   = "scram"
    "log_statement"                       = "none"
    "log_min_duration_statement"          = "-1"
    "log_min_error_statement"             = "panic"
    "log_error_verbosity"                 = "terse"
    "log_parameter_max_length"            = "0"
    "log_parameter_max_length_on_error"   = "0"
    "log_connections"                     = "1"
    "log_disconnections"                  = "1"
    "idle_in_transaction_session_timeout" = "10000"
    "transaction_timeout"                 = "30000"
    "shared_preload_libraries"            = "pg_stat_statements,pgaudit"
    "pg_stat_statements.track_utility"    = "0"
    "pgaudit.log"                         = "ddl,role"
    "pgaudit.log_parameter"               = "0"
    "rds.logical_replication"             = "0"
    "rds.restrict_password_commands"      = "1"
    "track_activity_query_size"           = "1024"
    "rds.log_retention_period"            = "1440"
    "log_temp_files"                      = "-1"
  }

  at_restart = toset(["shared_preload_libraries", "rds.logical_replication", "track_activity_query_size", "rds.restrict_password_commands"])
}

resource "aws_rds_cluster_parameter_group" "this" {
  name        = local.id
  family      = local.family
  description = "No statements or parameters in logs; TLS 1.3"

  dynamic "parameter" {
    for_each = local.cluster_parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = contains(local.at_restart, parameter.key) ? "pending-reboot" : "immediate"
    }
  }
}

resource "aws_db_parameter_group" "this" {
  name        = local.id
  family      = local.family
  description = "Instance settings are the cluster's"
}
