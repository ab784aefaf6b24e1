"""Lints and renders a chart by Helm's own library: one JSON object on standard output.

Usage: helm_chart.py CHART [VALUES...]; each VALUES is a file, or a JSON object, the later over the earlier.
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
    chart, values = sys.argv[1], {}
    for argument in sys.argv[2:]:
        values = merge(values, read(argument))
    answer = {"helm": helm.helm_sdk_version()}
    try:
        report = helm.lint(chart, values, strict=True, namespace="here")
        answer["lint"] = [f"{message['severity']} {message['path']}: {message['error']}" for message in report["messages"]]
        with helm.Chart.load(chart) as loaded:
            rendered = loaded.render(values, name="test", namespace="here")
    except helm.HelmError as error:
        answer["error"] = str(error)
    else:
        answer["notes"] = "".join(text for path, text in rendered.items() if path.endswith("/NOTES.txt"))
        answer["objects"] = [
            document
            for path, text in sorted(rendered.items())
            if path.endswith((".yaml", ".yml"))
            for document in documents(text)
        ]
    json.dump(answer, sys.stdout)


main()
