# The base domain: one delegation a region, the console, and the bare wildcard whose only answer is a redirect to the clinic's own host.
resource "aws_route53_zone" "base" {
  #checkov:skip=CKV2_AWS_38:signing keys of Route 53 must lie in us-east-1, so regions cannot sign; a signed base above them would mislead
  #checkov:skip=CKV2_AWS_39:query logs of Route 53 must lie in us-east-1, and would tell there which clinic people in India look up
  name    = var.base
  comment = "Base domain"
}

resource "aws_route53_record" "region" {
  for_each = { for code, region in var.regions : code => region.name_servers if length(region.name_servers) > 0 }
  zone_id  = aws_route53_zone.base.zone_id
  name     = "${each.key}.${var.base}"
  type     = "NS"
  ttl      = 300
  records  = each.value
}

# Every region's front door in one plain record, without a policy that would choose: whichever answers, it reads no body and says where to go.
resource "aws_route53_record" "bare" {
  #checkov:skip=CKV2_AWS_23:the addresses are those of front doors in other accounts
  count   = length(local.doors) > 0 ? 1 : 0
  zone_id = aws_route53_zone.base.zone_id
  name    = "*.${var.base}"
  type    = "A"
  ttl     = 60
  records = local.doors
}

locals {
  doors = sort(flatten([for region in values(var.regions) : region.addresses]))
}

resource "aws_route53_record" "console" {
  zone_id = aws_route53_zone.base.zone_id
  name    = "control.${var.base}"
  type    = "A"

  alias {
    name                   = aws_lb.console.dns_name
    zone_id                = aws_lb.console.zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "feed" {
  zone_id = aws_route53_zone.base.zone_id
  name    = "feed.control.${var.base}"
  type    = "A"
  ttl     = 60
  records = [for address in aws_eip.feed : address.public_ip]
}

resource "aws_route53_record" "certificate" {
  for_each = { "control" = "control.${var.base}" }
  zone_id  = aws_route53_zone.base.zone_id
  name     = one([for option in aws_acm_certificate.console.domain_validation_options : option.resource_record_name])
  type     = one([for option in aws_acm_certificate.console.domain_validation_options : option.resource_record_type])
  ttl      = 60
  records  = [one([for option in aws_acm_certificate.console.domain_validation_options : option.resource_record_value])]
}

resource "aws_route53_record" "issuers" {
  zone_id = aws_route53_zone.base.zone_id
  name    = var.base
  type    = "CAA"
  ttl     = 300
  records = ["0 issue \"amazon.com\"", "0 issue \"letsencrypt.org\"", "0 issuewild \"letsencrypt.org\"", "0 iodef \"mailto:security@${var.base}\""]
}
