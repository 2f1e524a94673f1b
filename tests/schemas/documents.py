"""The schemas of spec/schemas: which document has which, and whether it is as its schema says.

As a program, checks the rows of one command:  qfs --json ls | documents.py ls
"""

import functools
import json
import re
import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "spec" / "schemas"
SHARED = "common"
# Of any command, in place of a row.
ERROR = "error"


@functools.cache
def schemas():
    """Every schema by its name, which is that of its file without the ending."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


@functools.cache
def validator(name):
    """References are resolved as any tool would: relative to the file."""
    resources = [(f"{other}.json", Resource.from_contents(schema)) for other, schema in schemas().items()]
    return Draft202012Validator({"$ref": f"{name}.json"}, registry=Registry().with_resources(resources))


def kinds():
    """Names of the schemas that describe a document."""
    return [name for name in schemas() if name != SHARED]


def rows_of(heading):
    """The rows of the README's table below `heading`, each as what it is about and its schemas."""
    section = (FOLDER / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            subjects, linked = line.strip("| ").split("|")
            for subject in re.findall(r"`([^`]+)`", subjects):
                yield subject, re.findall(r"\]\(([a-z_-]+)\.json\)", linked)


@functools.cache
def commands():
    """Schemas of the rows of each command. A command that runs others has none of its own."""
    return dict(rows_of("Rows"))


def command_of(words):
    """The command that begins these words, as the table names it: the longest that does."""
    for end in range(len(words), 0, -1):
        name = " ".join(words[:end])
        for known in (name, f"{name} …"):
            if known in commands():
                return known
    raise LookupError(f"no row of spec/schemas/README.md is about {' '.join(words[:3])!r}")


def kinds_of(command):
    """Names of the schemas that a row of `command` may have."""
    return [*(commands()[command] or {kind for own in commands().values() for kind in own}), ERROR]


def matching(document, names):
    return [name for name in names if validator(name).is_valid(document)]


def fields(name):
    """The names that a document of a kind may have at its top, for each form of it."""
    schema = schemas()[name]
    while "$ref" in schema:
        schema = schemas()[SHARED]["$defs"][schema["$ref"].rpartition("/")[2]]
    return [form["properties"].keys() for form in schema.get("oneOf", [schema])]


def complaint(document, names):
    """Why a document is none of these, in terms of the kind whose fields are most like its own."""
    name = min(names, key=lambda name: min(len(form ^ document.keys()) for form in fields(name)))
    fault = best_match(validator(name).iter_errors(document))
    return f"not as {name}.json says: {fault.json_path}: {fault.message:.300}"


def main(words):
    names = kinds_of(command_of(words))
    wrong = 0
    for number, line in enumerate(sys.stdin, 1):
        document = json.loads(line)
        if not matching(document, names):
            wrong += 1
            print(f"row {number}: {complaint(document, names)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
