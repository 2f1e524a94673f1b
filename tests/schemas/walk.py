"""Where each part of a document stands in its schema, and documents that are not as the schema says."""

import copy
import functools
from collections import namedtuple

from documents import SHARED, schemas
from jsonschema import Draft202012Validator

# A part of a document: the keys that lead to it, what it is, its schema, and where that stands.
Part = namedtuple("Part", "keys value schema place")
# Fits no pattern and no list of texts in any schema, alone or at the end of a text.
MARK = "\0"


def _resolve(schema, place):
    while "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        name = file.removesuffix(".json") or place.partition("#")[0]
        schema, place = schemas()[name], f"{name}#{pointer}"
        for step in pointer.strip("/").split("/"):
            schema = schema[step] if step else schema
    return schema, place


def _fits(schema, value):
    """Whether `value` is as a part of a schema says; references within it lead to the shared definitions."""
    return Draft202012Validator({**_local(schema), "$defs": _shared()}).is_valid(value)


@functools.cache
def _shared():
    return _local(schemas()[SHARED]["$defs"])


def _local(schema):
    if isinstance(schema, list):
        return [_local(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: value.removeprefix(f"{SHARED}.json") if key == "$ref" else _local(value) for key, value in schema.items()}


def parts(name, document):
    """Every part of a valid document, from the whole to the smallest."""
    return _parts((), document, schemas()[name], f"{name}#")


def _parts(keys, value, schema, place):
    schema, place = _resolve(schema, place)
    for choice in ("oneOf", "anyOf"):
        for number, branch in enumerate(schema.get(choice, ())):
            if _fits(branch, value):
                yield from _parts(keys, value, branch, f"{place}/{choice}/{number}")
                return
    yield Part(keys, value, schema, place)
    if isinstance(value, dict):
        for key, item in value.items():
            own = key in schema.get("properties", {})
            below = schema["properties"][key] if own else schema["additionalProperties"]
            step = f"properties/{key}" if own else "additionalProperties"
            yield from _parts((*keys, key), item, below, f"{place}/{step}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _parts((*keys, number), item, schema["items"], f"{place}/items")


def records(name, schema=None, place=None):
    """The places of all objects with named fields in a schema, below references too."""
    schema, place = _resolve(schema or schemas()[name], place or f"{name}#")
    if place == f"{SHARED}#/$defs/metadata":
        return
    if "propertyNames" in schema:
        yield from records(name, schema["additionalProperties"], f"{place}/additionalProperties")
    if "properties" in schema:
        yield place
        for key, below in schema["properties"].items():
            yield from records(name, below, f"{place}/properties/{key}")
    if "items" in schema:
        yield from records(name, schema["items"], f"{place}/items")
    for choice in ("oneOf", "anyOf"):
        for number, branch in enumerate(schema.get(choice, ())):
            yield from records(name, branch, f"{place}/{choice}/{number}")


def mutants(name, document):
    """Documents that differ in one place and may not pass, each with what was done."""
    seen = set()
    for part in list(parts(name, document)):
        # One item of a list is enough, and one name of a map.
        if part.place in seen or part.place.startswith(f"{SHARED}#/$defs/json"):
            continue
        seen.add(part.place)
        if part.place.startswith(f"{SHARED}#/$defs/metadata/"):
            continue
        where = ".".join(map(str, part.keys)) or "the document"
        for what, value in _changes(part):
            yield f"{where}: {what}", _with(document, part.keys, value)


def _with(document, keys, value):
    if not keys:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return changed


def _changes(part):
    value, schema = part.value, part.schema
    yield "another type", [] if not isinstance(value, list) else {}
    if "properties" in schema:
        yield "an unknown field", {**value, "unknown": 1}
        for gone in value:
            yield f"without {gone}", {key: item for key, item in value.items() if key != gone}
    elif isinstance(value, dict):
        yield "a value of another type", {**value, "x": 1.5}
    elif isinstance(value, list):
        yield "an item of another type", [*value, 1.5]
    elif isinstance(value, bool):
        yield "a text", str(value).lower()
    elif isinstance(value, int):
        yield "a text", f"{value}{MARK}"
        yield "below the least", -1
        yield "a fraction", value + 0.5
        yield "beyond 64 bits", 2**64
    elif isinstance(value, float):
        yield "a text", str(value)
        yield "below the least", -1.5
    elif isinstance(value, str):
        yield "a number", 1
        if {"pattern", "enum", "const"} & schema.keys():
            yield "more than its text", value + MARK
