"""Lints and renders a chart by Helm's own library: one JSON object on standard output.

Usage: helm_chart.py CHART RELEASE NAMESPACE [VALUES...]; each VALUES is a file, or a JSON object, the later over the earlier.
"""

import json
import sys
from pathlib import Path

import helm_python as helm
import yaml


def merge(base, over):
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: merge(base.get(key), value) for key, value in over.items()}


def read(argument):
    text = argument if argument.startswith("{") else Path(argument).read_text()
    return helm.values_from_yaml(text)


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document is not None]


def main():
    chart, release, namespace = sys.argv[1:4]
    values = {}
    for argument in sys.argv[4:]:
        values = merge(values, read(argument))
    answer = {"lint": [], "error": "", "notes": "", "objects": []}
    try:
        report = helm.lint(chart, values, strict=True, namespace=namespace)
        # 1 is information: that the chart has no icon.
        answer["lint"] = [
            f"{message['path']}: {message['error']}" for message in report["messages"] if message["severity"] > 1
        ]
        with helm.Chart.load(chart) as loaded:
            rendered = loaded.render(values, name=release, namespace=namespace)
        answer["notes"] = "".join(text for path, text in rendered.items() if path.endswith("/NOTES.txt"))
        answer["objects"] = [
            document
            for path, text in sorted(rendered.items())
            if path.endswith((".yaml", ".yml"))
            for document in documents(text)
        ]
    except helm.HelmError as error:
        answer["error"] = str(error)
    json.dump(answer, sys.stdout)


main()
