# The region's own zone, {code}.{base}: one wildcard for its clinics, plain records only, so that no name of this region can ever answer with another one.
data "aws_region" "here" {}

locals {
  zone = "${var.home.code}.${var.base}"
}

resource "aws_route53_zone" "region" {
  #checkov:skip=CKV2_AWS_38:signing keys of Route 53 must lie in us-east-1, which the region lock denies to other regions
  #checkov:skip=CKV2_AWS_39:query logs of Route 53 must lie in us-east-1, and would tell there which clinic people in India look up
  name    = local.zone
  comment = "Clinics of ${var.home.name}"

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == var.home.name
      error_message = "The names of ${var.home.name} would be managed from ${data.aws_region.here.name}."
    }
  }
}

# A simple record: no health check, no failover, no latency, geolocation or weight. A dead region does not answer.
resource "aws_route53_record" "clinics" {
  zone_id = aws_route53_zone.region.zone_id
  name    = "*.${local.zone}"
  type    = "A"
  ttl     = 60
  records = var.addresses
}

# Only this region's account may have certificates issued for its names.
resource "aws_route53_record" "issuers" {
  zone_id = aws_route53_zone.region.zone_id
  name    = local.zone
  type    = "CAA"
  ttl     = 300
  records = ["0 issue \"letsencrypt.org\"", "0 issuewild \"letsencrypt.org\"", "0 iodef \"mailto:security@${var.base}\""]
}
