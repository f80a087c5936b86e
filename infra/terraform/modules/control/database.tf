# The control database: clinics, regions, platform administrators, the directory's log.
module "database" {
  source                   = "../postgres"
  home                     = var.home
  name                     = "control"
  key_arn                  = module.key["database"].arn
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.data_subnets
  client_security_group_id = module.cluster.node_security_group_id
  instance_class           = var.database.instance_class
  instances                = var.database.instances
  vault                    = false
  protect                  = !var.throw_away
}
