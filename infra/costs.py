#!/usr/bin/env python3
"""Prints what two regions and a control plane cost a month at three sizes, as the table of docs/deploy.md.

Prices are list prices of us-east-1 in US dollars, without reservations, taxes or support, as published in the middle of 2025 and written
down on 2026-11-25 without a look at AWS's pages: check them in AWS's own calculator before a budget rests on them. Mumbai differs by part.
"""

HOURS = 730
ZONES = 3
# Interface endpoints a region (modules/network/endpoints.tf).
ENDPOINTS = 19

PRICE = {
    "EKS, an hour": 0.10,
    "m7g.large, an hour": 0.0816,
    "m7g.xlarge, an hour": 0.1632,
    "db.t4g.medium, an hour": 0.073,
    "db.r7g.large, an hour": 0.276,
    "db.r7g.xlarge, an hour": 0.553,
    "db.r7g.2xlarge, an hour": 1.106,
    "Aurora storage, a GB": 0.10,
    "Aurora I/O, a million": 0.20,
    "backup storage, a GB": 0.021,
    "S3, a GB": 0.023,
    "interface endpoint, an hour and zone": 0.01,
    "NAT gateway, an hour": 0.045,
    "load balancer, an hour": 0.0225,
    "load balancer capacity, a month": 10,
    "public address, an hour": 0.005,
    "KMS key, a month": 1.0,
    "KMS calls, ten thousand": 0.03,
    "secret, a month": 0.40,
    "log ingestion, a GB": 0.50,
    "alarm, a month": 0.10,
    "transfer to clients, a GB": 0.09,
    "firewall, a month": 12,
}

# A region at three sizes: clinics, nodes, databases (class, how many), stored and moved gigabytes, millions of
# I/O and KMS calls, and dollars for detection (GuardDuty, Config, Security Hub, the trail), which grow with what happens.
SIZES = {
    "10 clinics": {"nodes": ("m7g.large", 3), "shard": ("db.r7g.large", 2, 1), "keys": ("db.t4g.medium", 2), "gb": 50, "documents": 100, "logs": 20, "out": 50, "io": 50, "kms": 0.5, "detection": 60},
    "300 clinics": {"nodes": ("m7g.xlarge", 4), "shard": ("db.r7g.xlarge", 3, 1), "keys": ("db.r7g.large", 2), "gb": 600, "documents": 5_000, "logs": 250, "out": 1_000, "io": 1_500, "kms": 6, "detection": 220},
    "2,000 clinics": {"nodes": ("m7g.xlarge", 12), "shard": ("db.r7g.2xlarge", 3, 2), "keys": ("db.r7g.large", 3), "gb": 4_000, "documents": 40_000, "logs": 1_500, "out": 6_000, "io": 10_000, "kms": 40, "detection": 800},
}
CONTROL = {"nodes": ("m7g.large", 2), "database": ("db.t4g.medium", 2)}


def hourly(name, count=1):
    return PRICE[f"{name}, an hour"] * HOURS * count


def network(endpoints=ENDPOINTS):
    return (PRICE["interface endpoint, an hour and zone"] * HOURS * ZONES * endpoints + hourly("NAT gateway", ZONES) + hourly("public address", 2 * ZONES)
            + hourly("load balancer") + PRICE["load balancer capacity, a month"])


def region(size):
    shard_class, instances, shards = size["shard"]
    key_class, key_instances = size["keys"]
    node, nodes = size["nodes"]
    return {
        "databases": hourly(shard_class, instances * shards) + hourly(key_class, key_instances) + size["gb"] * (PRICE["Aurora storage, a GB"] + 2 * PRICE["backup storage, a GB"])
        + size["io"] * PRICE["Aurora I/O, a million"],
        "cluster": hourly("EKS") + hourly(node, nodes),
        "network": network() + size["out"] * PRICE["transfer to clients, a GB"],
        "documents and backups": size["documents"] * PRICE["S3, a GB"] * 1.3,
        "keys and secrets": 14 * PRICE["KMS key, a month"] + size["kms"] * 100 * PRICE["KMS calls, ten thousand"] + 21 * PRICE["secret, a month"],
        "logs, alarms, detection": size["logs"] * PRICE["log ingestion, a GB"] + 60 * PRICE["alarm, a month"] + size["detection"],
    }


def control():
    node, nodes = CONTROL["nodes"]
    database, instances = CONTROL["database"]
    return hourly("EKS") + hourly(node, nodes) + hourly(database, instances) + network() + hourly("load balancer") + PRICE["firewall, a month"] + 80


def table():
    regions = {name: region(size) for name, size in SIZES.items()}
    lines = ["| US dollars a month | " + " | ".join(f"{name} a region" for name in SIZES) + " |", "|---|" + "---:|" * len(SIZES)]
    for part in next(iter(regions.values())):
        lines.append(f"| one region: {part} | " + " | ".join(f"{parts[part]:,.0f}" for parts in regions.values()) + " |")
    totals = [sum(parts.values()) for parts in regions.values()]
    lines.append("| **one region** | " + " | ".join(f"**{total:,.0f}**" for total in totals) + " |")
    lines.append("| the control plane | " + " | ".join(f"{control():,.0f}" for _ in totals) + " |")
    lines.append("| **two regions and the control plane** | " + " | ".join(f"**{2 * total + control():,.0f}**" for total in totals) + " |")
    clinics = [int(name.split()[0].replace(",", "")) for name in SIZES]
    lines.append("| a clinic | " + " | ".join(f"{(2 * total + control()) / (2 * count):,.0f}" for total, count in zip(totals, clinics)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
