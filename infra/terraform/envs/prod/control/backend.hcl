# Where the state of the control plane lies: in its own account.
bucket       = "domicile-prod-control-state-333333333333"
key          = "control.tfstate"
region       = "us-east-1"
encrypt      = true
kms_key_id   = "alias/domicile/state"
use_lockfile = true
