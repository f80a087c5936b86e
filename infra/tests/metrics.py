"""Which metrics the programs register, with which labels, read from their source; and what a PromQL expression asks beyond that."""

import re

# Series of other programs in the cluster, with the labels that are used of them.
FOREIGN = {
    "up": set(),
    "certmanager_certificate_expiration_timestamp_seconds": {"name"},
    "kube_cronjob_created": {"cronjob"},
    "kube_cronjob_status_last_successful_time": {"cronjob"},
    "kube_job_status_failed": {"job_name"},
    "kube_job_status_start_time": {"job_name"},
}
# Prometheus adds these to whatever it asks.
TARGET = {"namespace", "pod", "job", "instance"}
REGISTERED = re.compile(r'\b(counter|gauge|histogram)(?:_vec)?\(\s*"(domicile_\w+)",\s*"[^"]*",?\s*(?:&\[([^\]]*)\])?')
# A name that no function call and no keyword is.
NAME = re.compile(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()")
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
WORDS = {"and", "or", "unless", "bool", "offset"}


class Metrics:
    def __init__(self, source, recorded):
        # Each series' name with its labels.
        self.exported, self.series = {}, {name: labels | TARGET for name, labels in FOREIGN.items()}
        for kind, name, labels in REGISTERED.findall(source):
            own = set(re.findall(r'"(\w+)"', labels))
            self.exported[name] = own
            if kind == "histogram":
                self.series |= {f"{name}_bucket": own | TARGET | {"le"}, f"{name}_count": own | TARGET, f"{name}_sum": own | TARGET}
            else:
                self.series[name] = own | TARGET
        self.recorded = [rule["record"] for rule in recorded]
        for rule in recorded:
            self.series[rule["record"]] = set(TARGET)

    def findings(self, expression):
        """Series and labels that nothing has."""
        used = set()
        for name, matchers in re.findall(r"([a-z_][a-z0-9_]*)\s*\{([^}]*)\}", expression):
            for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers):
                if label not in self.series.get(name, {label}):
                    yield f"{name} has no label {label}"
        bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", expression)
        groupings = GROUPING.findall(bare)
        bare = GROUPING.sub(" ", bare)
        for name in sorted(set(NAME.findall(bare)) - WORDS - {"by", "without", "on", "ignoring"}):
            if name not in self.series:
                yield f"nothing has a series {name}"
            used |= self.series.get(name, set())
        for _, labels in groupings:
            yield from (f"nothing here has a label {label} to group by" for label in re.findall(r"\w+", labels) if label not in used)
