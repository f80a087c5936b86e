# Where the state of this region lies: in its own account and region.
bucket       = "domicile-prod-us-state-111111111113"
key          = "region.tfstate"
region       = "us-east-1"
encrypt      = true
kms_key_id   = "alias/domicile/state"
use_lockfile = true
