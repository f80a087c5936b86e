# The shards and, apart from them, the key store: a copy of one is worthless without the other.
module "shard" {
  source                   = "../postgres"
  for_each                 = var.shards
  home                     = var.home
  name                     = "shard-${each.key}"
  key_arn                  = module.key["database"].arn
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.data_subnets
  client_security_group_id = module.cluster.node_security_group_id
  instance_class           = each.value.instance_class
  instances                = each.value.instances
  protect                  = !var.throw_away
}

module "key_store" {
  source                   = "../postgres"
  home                     = var.home
  name                     = "key-store"
  key_arn                  = module.key["key-store"].arn
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.data_subnets
  client_security_group_id = module.cluster.node_security_group_id
  instance_class           = var.key_store.instance_class
  instances                = var.key_store.instances
  # Erasing a person destroys a wrapped key here, so an old copy of this database must not live long.
  backup_days = 7
  vault       = false
  protect     = !var.throw_away
}

locals {
  databases = merge({ for id, shard in module.shard : "shard-${id}" => shard }, { key-store = module.key_store })
}
