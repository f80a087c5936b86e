# Where the state of the organization lies: in the management account.
bucket       = "domicile-organization-state-999999999999"
key          = "organization.tfstate"
region       = "us-east-1"
encrypt      = true
kms_key_id   = "alias/domicile/state"
use_lockfile = true
