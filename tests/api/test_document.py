"""The OpenAPI document: complete, valid, and with examples that the service accepts."""

from __future__ import annotations

import json

import pytest

from provenance_api.problems import MEDIA_TYPE
from provenance_api.schemas import ReportOut
from provenance_api.standard import is_standard
from tests.fakes.reports import examples, report

#: What an example may be answered: done, or refused because the thing it names is not there or not on.
ANSWERED = (200, 201, 202, 204, 401, 403, 404)


@pytest.fixture(scope="module")
def api(service) -> dict:
    return service.client.get("/openapi.json").json()


def _operations(api):
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_openapi_3_1_and_every_operation_has_its_own_name(api):
    assert api["openapi"] == "3.1.0"
    names = [operation["operationId"] for _, _, operation in _operations(api)]
    assert len(names) == len(set(names)) > 40
    assert all(operation["description"] for _, _, operation in _operations(api))


def test_problems_have_the_form_of_their_interface(api):
    for path, _, operation in _operations(api):
        expected = "application/json" if is_standard(path) else MEDIA_TYPE
        for status, answer in operation["responses"].items():
            if status >= "400" and path != "/readyz":
                assert list(answer["content"]) == [expected], (path, status)
        assert ("422" in operation["responses"]) is not is_standard(path), path


def test_every_reference_resolves(api):
    text = json.dumps(api)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in api["components"]["schemas"]


def test_json_bodies_have_examples_that_the_service_accepts(service, client, api):
    tried = 0
    for path, method, operation in _operations(api):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is None or path.endswith("/receipts"):
            continue
        for example in body["schema"]["examples"]:
            address = path.replace("{asset_id}", "sha256:" + "3a" * 32)
            answer = client.request(method.upper(), address, json=example)
            assert answer.status_code in ANSWERED, (path, answer.text)
            tried += 1
    assert tried >= 10


@pytest.mark.parametrize("name", sorted(examples(b"png")))
def test_the_schema_of_reports_has_every_field_of_the_values(name):
    """A field added to the values and not to the schema would turn good answers into 500."""
    said = ReportOut.from_domain(report(examples(b"png")[name]), "0" * 32)
    assert said.verdict.code
