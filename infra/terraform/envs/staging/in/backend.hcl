# Where the state of this region lies: in its own account and region.
bucket       = "domicile-staging-in-state-222222222222"
key          = "region.tfstate"
region       = "ap-south-1"
encrypt      = true
kms_key_id   = "alias/domicile/state"
use_lockfile = true
