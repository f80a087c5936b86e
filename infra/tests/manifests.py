"""Reads manifests as YAML, judges each by Kubernetes' own schemas, and prints documents and complaints as JSON.

usage: manifests.py VERSION < MANIFESTS     needs `kubernetes-validate`
"""

import json
import sys

import kubernetes_validate
import yaml

# Kinds of other projects: their schemas are not Kubernetes' own. kubernetes.py looks at the fields that are used here.
FOREIGN = {"SecretProviderClass", "ServiceMonitor", "PrometheusRule", "TargetGroupBinding"}


def main():
    documents = [document for document in yaml.safe_load_all(sys.stdin) if document]
    complaints, judged = [], 0
    for document in documents:
        if document["kind"] in FOREIGN:
            continue
        try:
            kubernetes_validate.validate(document, sys.argv[1], strict=True)
            judged += 1
        except Exception as problem:  # noqa: BLE001 whatever it is, it is what the reader must see
            complaints.append(f"{document['kind']} {document['metadata']['name']}: {str(problem)[:400]}")
    json.dump({"documents": documents, "complaints": complaints, "judged": judged}, sys.stdout)


if __name__ == "__main__":
    main()
