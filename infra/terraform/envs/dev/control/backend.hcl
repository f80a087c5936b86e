# Where the state of the control plane lies: in its own account.
bucket       = "domicile-dev-control-state-333333333330"
key          = "control.tfstate"
region       = "us-east-1"
encrypt      = true
kms_key_id   = "alias/domicile/state"
use_lockfile = true
