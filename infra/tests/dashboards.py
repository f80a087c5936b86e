"""Dashboards as Grafana would read them, as far as that goes without one: their form, their queries, the names these use, and their sources."""

import copy
import json
import re
import tempfile
from pathlib import Path

import tools

INFRA = Path(__file__).resolve().parent.parent
SCHEMA = Path(__file__).with_name("dashboard.schema.json")
LOG_FIELDS = {"@timestamp"}
QUESTIONS = {
    "domicile-routing": "Is anyone being routed wrongly?", "domicile-clinics": "Which clinic is slow?", "domicile-log": "Is the log sealed?",
    "domicile-keys": "Are keys healthy?", "domicile-clocks": "Which clocks run?",
}


def check(report, source, metrics):
    boards = {file.stem: json.loads(file.read_text()) for file in sorted((INFRA / "monitoring/dashboards").glob("*.json"))}
    asked = {uid: board.get("title") for uid, board in boards.items()}
    report.say(asked == QUESTIONS, f"{len(boards)} dashboards ask what they must answer", asked)
    known = Known(source, metrics)
    for uid, board in boards.items():
        wrong = findings(uid, board, known)
        report.say(not wrong, f"{board.get('title')}: {len(board['panels'])} panels of Grafana's form, with queries of names that the programs have and this region's sources", "\n".join(wrong))
    for name, uid, change, part in BROKEN:
        board = copy.deepcopy(boards[uid])
        change(board)
        wrong = findings(uid, board, known)
        report.say(any(part in one for one in wrong), f"found: {name} on a dashboard", f"no finding {part}; only {wrong}")


class Known:
    """What a dashboard may name."""

    def __init__(self, source, metrics):
        self.source, self.metrics = source, metrics
        provisioned = (INFRA / "monitoring/provisioning/datasources.yaml").read_text()
        self.sources = dict(zip(re.findall(r"uid: (\w+)", provisioned), re.findall(r"\n    type: (\w+)", provisioned)))
        self.fields = set(re.findall(r'serialize_entry\("([^"]+)"', source)) | LOG_FIELDS


def findings(uid, board, known):
    wrong = form(board)
    if wrong:
        return wrong
    if board["uid"] != uid:
        wrong.append("its uid is not its file's name")
    if len({panel["id"] for panel in board["panels"]}) != len(board["panels"]):
        wrong.append("two panels with one id")
    for one, other in ((a, b) for a in board["panels"] for b in board["panels"] if a is not b and a["id"] <= b["id"]):
        a, b = one["gridPos"], other["gridPos"]
        if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
            wrong.append(f"{one['title']} lies on {other['title']}")
    declared = {variable["name"] for variable in board["templating"]["list"]}
    queries = []
    for panel in board["panels"]:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            wrong.append(f"{panel['title']} is wider than the page")
        for target in panel["targets"]:
            where = f"{panel['title']}: "
            wrong += [where + finding for finding in target_findings(panel, target, declared, known)]
            queries += [(where, target["expr"])] if "expr" in target else []
    return wrong + parsed(queries)


def form(board):
    """What the schema of these dashboards says."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(board, file)
        file.flush()
        done = tools.run(tools.program("check-jsonschema", "lint"), "--schemafile", SCHEMA, file.name)
    return [] if done.returncode == 0 else done.stdout.strip().splitlines()[1:] or ["the schema's tool failed"]


def target_findings(panel, target, declared, known):
    for source in (panel["datasource"], target["datasource"]):
        if known.sources.get(source["uid"]) != source["type"]:
            yield f"{source} is no source of this region"
    if target.get("region", "default") != "default":
        yield "reads another region than its own"
    used = set(re.findall(r"\$\{?([a-z_]+)", json.dumps(target)))
    yield from (f"the variable {name} is not declared" for name in sorted(used - declared))
    if "expr" in target:
        yield from known.metrics.findings(target["expr"])
        groups = {label for _, labels in re.findall(r"\b(by)\s*\(([^)]*)\)", target["expr"]) for label in re.findall(r"\w+", labels)}
        yield from (f"its legend names {label}, which the query does not keep" for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")) if label not in groups)
    if target.get("queryMode") == "Logs":
        query = target["expression"]
        yield from (f"no line has {field}" for field in re.findall(r"\b[a-z_]+(?:\.[a-z_]+)+\b", re.sub(r"'[^']*'", "", query)) if field not in known.fields)
        codes = [code for group in re.findall(r"event\.code (?:in \[([^]]*)\]|= ('[^']*'))", query) for code in re.findall(r"'([^']+)'", "".join(group))]
        yield from (f"{code} is never logged" for code in codes if f'"{code}"' not in known.source)


def parsed(queries):
    """promtool reads each query as the rule that it would be."""
    rules = [{"record": f"panel:{number}", "expr": query} for number, (_, query) in enumerate(queries)]
    with tempfile.TemporaryDirectory(prefix="domicile-promql-") as folder:
        (Path(folder) / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        done = tools.run(tools.promtool(), "check", "rules", "rules.yaml", cwd=folder)
    if done.returncode == 0:
        return []
    numbers = {int(number) for number in re.findall(r'panel:(\d+)', done.stdout)}
    return [f"{queries[number][0]}promtool cannot read {queries[number][1]}" for number in sorted(numbers)] or [f"promtool cannot read the queries: {done.stdout}"]


def panel(board, number):
    return next(one for one in board["panels"] if one["id"] == number)


def query(number, old, new):
    def change(board):
        target = panel(board, number)["targets"][0]
        field = "expr" if "expr" in target else "expression"
        assert old in target[field], f"panel {number} no longer holds {old}"
        target[field] = target[field].replace(old, new, 1)
    return change


# Changes that would leave a panel empty, or show what is not meant, each with a part of the finding.
BROKEN = [
    ("a query that is not PromQL", "domicile-keys", query(1, "sum(", "sum(("), "promtool cannot read"),
    ("a metric that nothing exports", "domicile-keys", query(1, "domicile_key_events_total", "domicile_key_event_total"), "nothing has a series"),
    ("a histogram by its bare name", "domicile-clinics", query(1, "domicile_http_seconds_bucket", "domicile_http_seconds"), "nothing has a series"),
    ("a label that the metric has not", "domicile-keys", query(2, "outcome!=", "result!="), "has no label"),
    ("a grouping by a label that the metric has not", "domicile-clinics", query(6, "by (status)", "by (code)"), "to group by"),
    ("a log field that no line has", "domicile-keys", query(5, "organization.id", "organization.name"), "no line has"),
    ("an event code that nothing logs", "domicile-keys", query(5, "'key_revoked'", "'key_lost'"), "never logged"),
    ("two panels with one id", "domicile-log", lambda board: panel(board, 2).update(id=1), "two panels with one id"),
    ("one panel on another", "domicile-log", lambda board: panel(board, 2)["gridPos"].update(x=0), "lies on"),
    ("a legend by a label that is gone", "domicile-clinics", lambda board: panel(board, 6)["targets"][0].update(legendFormat="{{route}}"), "its legend names"),
    ("another region's logs", "domicile-keys", lambda board: panel(board, 5)["targets"][0].update(region="us-east-1"), "region"),
    ("a source that is not provisioned", "domicile-keys", lambda board: panel(board, 1)["datasource"].update(uid="elsewhere"), "no source of this region"),
    ("a variable that is not declared", "domicile-keys", lambda board: board["templating"].update(list=[]), "is not declared"),
    ("a kind of panel that does not exist", "domicile-keys", lambda board: panel(board, 1).update(type="gauges"), "gauges"),
]
