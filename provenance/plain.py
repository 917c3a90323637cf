"""Values to plain CBOR-able values and back: what crosses the boundary to a media worker.

Only frozen dataclasses of plain fields, tuples of them, enums and optional values are carried; the rest is
refused, so that a compromised worker can hand over values but never behaviour.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from provenance.errors import FormatError

_T = TypeVar("_T")


def to_plain(value: object) -> Any:
    """Return ``value`` as dictionaries, lists and scalars.

    Raises:
        FormatError: A part is neither a dataclass, an enum, a tuple or list, nor a scalar.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bytes | bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    raise FormatError(
        f"a {type(value).__name__} cannot cross to a worker", hint="this is a bug, please report it"
    )


def from_plain(cls: type[_T], plain: object) -> _T:
    """Return the ``cls`` that :func:`to_plain` made ``plain`` of; every field is checked against its type.

    Raises:
        FormatError: A field is missing, unknown or of another type.
    """
    made = _read(cls, plain)
    if not isinstance(made, cls):
        raise _unlike(cls, plain)
    return made


def _read(wanted: Any, plain: object) -> object:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return _read_union(arguments, plain)
    if origin is tuple:
        if not isinstance(plain, Sequence) or isinstance(plain, str | bytes):
            raise _unlike(wanted, plain)
        kinds = [arguments[0]] * len(plain) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(plain):
            raise _unlike(wanted, plain)
        return tuple(_read(kind, one) for kind, one in zip(kinds, plain, strict=True))
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _read_enum(wanted, plain)
    if isinstance(wanted, type) and is_dataclass(wanted):
        return _read_dataclass(wanted, plain)
    if wanted in _SPELLED:
        return _read_spelled(wanted, plain)
    if not isinstance(wanted, type) or type(plain) is not wanted:
        raise _unlike(wanted, plain)
    return plain


def _read_union(kinds: Sequence[Any], plain: object) -> object:
    if plain is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is not type(None):
            try:
                return _read(kind, plain)
            except FormatError:
                continue
    raise _unlike(kinds, plain)


def _read_enum(wanted: type[Enum], plain: object) -> Enum:
    try:
        return wanted(plain)
    except ValueError as cause:
        raise _unlike(wanted, plain) from cause


#: Types that have another plain form than their own.
_SPELLED = (datetime, float)


def _read_spelled(wanted: type, plain: object) -> object:
    if wanted is float and type(plain) in (int, float):
        return float(plain)  # type: ignore[arg-type]  # narrowed by the exact types above
    if wanted is float or not isinstance(plain, str):
        raise _unlike(wanted, plain)
    try:
        return datetime.fromisoformat(plain)
    except ValueError as cause:
        raise _unlike(wanted, plain) from cause


def _read_dataclass(wanted: type, plain: object) -> object:
    names = {field.name for field in fields(wanted)}
    if not isinstance(plain, Mapping) or set(plain) != names:
        raise _unlike(wanted, plain)
    hints = _hints(wanted)
    try:
        return wanted(**{name: _read(hints[name], plain[name]) for name in names})
    except ValueError as cause:
        raise _unlike(wanted, plain) from cause


@cache
def _hints(wanted: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields; finding them out is most of the work of reading one."""
    return get_type_hints(wanted)


def _unlike(wanted: object, plain: object) -> FormatError:
    name = getattr(wanted, "__name__", str(wanted))
    return FormatError(
        f"expected {name} from a worker, found {type(plain).__name__}", hint="the media worker answered oddly"
    )
