# Where the state of this region lies: in its own account and region.
bucket       = "domicile-dev-us-state-111111111110"
key          = "region.tfstate"
region       = "us-east-1"
encrypt      = true
kms_key_id   = "alias/domicile/state"
use_lockfile = true
