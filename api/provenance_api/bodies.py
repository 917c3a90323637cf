"""JSON bodies, read strictly: bounded, no duplicate keys, no numbers that are none (SR-20)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from provenance.errors import FormatError, LimitError, UnsupportedError

#: Most bytes of a JSON body.
MAX_JSON_BYTES: Final = 1 << 20
#: Deepest nesting of a JSON body.
MAX_DEPTH: Final = 64
_Model = TypeVar("_Model", bound=BaseModel)


def strict_body(model: type[_Model]) -> Callable[[Request], Awaitable[_Model]]:
    """Return a dependency that reads the body as ``model``.

    Its errors: UnsupportedError (not declared as JSON), LimitError (too long), FormatError (not JSON, nested
    too deeply, a key twice) and RequestValidationError (not this model).
    """

    async def read(request: Request) -> _Model:
        """Return the body of ``request`` as the model."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedError("expected a body of type application/json", hint="set Content-Type")
        content = bytearray()
        async for block in request.stream():
            content += block
            if len(content) > MAX_JSON_BYTES:
                raise LimitError(f"expected at most {MAX_JSON_BYTES} bytes of JSON")
        try:
            return model.model_validate(parse_json(bytes(content)))
        except ValidationError as cause:
            wrong = cause.errors(include_input=False, include_context=False, include_url=False)
            raise RequestValidationError([one | {"loc": ("body", *one["loc"])} for one in wrong]) from cause

    return read


def parse_json(content: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        FormatError: Not UTF-8, not JSON, nested deeper than :data:`MAX_DEPTH`, a key twice, or NaN.
    """
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
    except RecursionError as cause:
        raise _too_deep() from cause
    except ValueError as cause:
        raise FormatError("expected a JSON text in UTF-8", hint="see /openapi.json") from cause
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise FormatError("expected each key of a JSON object once, found one twice")
    return made


def _refuse_constant(_name: str) -> Any:
    raise FormatError("expected JSON numbers, found NaN or Infinity")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> FormatError:
    return FormatError(f"expected JSON nested at most {MAX_DEPTH} deep")
