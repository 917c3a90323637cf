"""deploy/dashboard.json: every figure it asks for is one that the service gives, and none is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

DASHBOARD = json.loads((Path(__file__).parents[2] / "deploy" / "dashboard.json").read_text("utf-8"))
EXPRESSIONS = [one["expr"] for panel in DASHBOARD["panels"] for one in panel["targets"]]


def test_every_figure_asked_for_exists_and_every_one_is_shown(client, signed):
    client.post("/v1/verify", content=signed)
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    given = {sample.name for family in families for sample in family.samples}
    asked = {name for text in EXPRESSIONS for name in re.findall(r"provenance_\w+", text)}
    assert asked - given <= {"provenance_refused_total"}, "it is there once something was refused"
    bases = {family.name for family in families if not family.name.endswith("_created")}
    assert {base for base in bases if not any(name.startswith(base) for name in asked)} == set()


def test_labels_asked_for_are_labels_given(client, signed):
    client.post("/v1/verify", content=signed)
    labels = {"instance", "le", "why"}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        labels |= {label for sample in family.samples for label in sample.labels}
    grouped = {
        one.strip()
        for text in EXPRESSIONS
        for by in re.findall(r"by \(([^)]*)\)", text)
        for one in by.split(",")
    }
    shown = {label for panel in DASHBOARD["panels"] for one in panel["targets"]
             for label in re.findall(r"\{\{(\w+)\}\}", one["legendFormat"])}  # fmt: skip
    assert grouped | shown <= labels


def test_panels_have_numbers_titles_and_words_of_their_own():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert all(panel["description"] for panel in panels)
