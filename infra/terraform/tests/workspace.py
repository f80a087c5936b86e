"""Runs Terraform on a throw-away copy of the tree, without an account: the real provider plans, and nothing is asked of AWS."""

import glob
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
COMMAND_LIMIT_SECONDS = 600

# Merged over a root's own provider and backend: no account is looked up and the state is a local file.
OFFLINE = """
terraform {
  backend "local" {}
}

provider "aws" {
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  allowed_account_ids         = null
}
"""


class Missing(Exception):
    """Terraform or its provider is not here and cannot be fetched."""


def provider_mirror():
    """A folder that already holds the provider: TF_PROVIDER_MIRROR, or one of the usual places."""
    places = [os.environ.get("TF_PROVIDER_MIRROR", ""), *glob.glob("/opt/*"), *glob.glob("/usr/*/share/terraform/plugins"),
              "/usr/share/terraform/plugins", os.path.expanduser("~/.terraform.d/plugins")]
    return next((place for place in places if place and glob.glob(f"{place}/*/hashicorp/aws")), None)


class Workspace:
    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="domicile-terraform-"))
        self.tree = self.dir / "terraform"
        self.copies = itertools.count(1)
        self.everything = False
        if not shutil.which("terraform"):
            raise Missing("terraform is not installed")
        config = "disable_checkpoint = true\n"
        mirror = provider_mirror()
        if mirror:
            config += f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        (self.dir / "terraform.rc").write_text(config)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        # Terraform and the provider are Go programs that read hundreds of megabytes of schema each time: collecting that garbage was a third
        # of all processor time.
        self.env |= {"GOGC": "400", "TF_CLI_CONFIG_FILE": str(self.dir / "terraform.rc"), "TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true",
                     "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        if not mirror:
            cache = self.dir / "plugins"
            cache.mkdir()
            self.env["TF_PLUGIN_CACHE_DIR"] = str(cache)
        self.copy_tree(TREE, self.tree)

    @staticmethod
    def copy_tree(source, target):
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "plan"))

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, where, *arguments, env=None):
        done = subprocess.run(["terraform", f"-chdir={where}", *arguments], env=self.env | (env or {}), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_LIMIT_SECONDS)
        return done.returncode, done.stdout

    def init(self, where, offline=True):
        if offline:
            (where / "offline_override.tf").write_text(OFFLINE)
        code, out = self.run(where, "init", "-no-color", "-input=false")
        if code:
            raise Missing(f"the provider is not here and could not be downloaded:\n{out[-600:]}")

    def plan(self, where, *options):
        """Returns (plan as JSON or None, what Terraform said)."""
        code, out = self.run(where, "plan", "-no-color", "-input=false", "-lock=false", "-out=plan", *options)
        if code:
            return None, out
        code, text = self.run(where, "show", "-json", "plan")
        return (json.loads(text), out) if code == 0 else (None, text)

    def branch(self):
        """Another copy of the initialised tree, for a change that must not touch the first."""
        target = self.dir / f"copy-{next(self.copies)}" / "terraform"
        target.parent.mkdir()
        self.copy_tree(self.tree, target)
        return target
