"""Every row of every command, and the evidence, against spec/schemas.

The binary is taken from QFS_BINARY, with `qfs-replay` beside it; without it, both are built. If they cannot be
built, the tests fail.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import documents
import ledger
import walk
from jsonschema import Draft202012Validator

BUILD = "build --quiet -p cli -p replay --features replay/cli --message-format=json-render-diagnostics".split()


def binary():
    """The built program; the path of the artifact is asked of the build."""
    if os.environ.get("QFS_BINARY"):
        return Path(os.environ["QFS_BINARY"]).resolve()
    built = subprocess.run(["cargo", *BUILD], cwd=documents.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    (path,) = {a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "qfs"}
    return Path(path)


def below(schema):
    """A schema and every schema in it."""
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from below(inner)
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from below(schema[key])
    for key in ("oneOf", "anyOf"):
        for inner in schema.get(key, ()):
            yield from below(inner)


class Schemas(unittest.TestCase):
    """The schemas themselves: as exact as they promise to be."""

    def each(self, check):
        for name, schema in documents.schemas().items():
            for part in below(schema):
                with self.subTest(schema=name, part=str(part)[:200]):
                    check(part)

    def test_they_are_of_draft_2020_12(self):
        for name, schema in documents.schemas().items():
            with self.subTest(schema=name):
                self.assertEqual(schema["$schema"], Draft202012Validator.META_SCHEMA["$id"])
                self.assertTrue(schema["title"] and schema["description"])
                Draft202012Validator.check_schema(schema)

    def test_objects_are_closed_and_every_field_is_required(self):
        def check(part):
            if part.get("type") == "object" and "propertyNames" in part:
                self.assertIsInstance(part["additionalProperties"], dict)
            elif part.get("type") == "object":
                self.assertIs(part["additionalProperties"], False)
                self.assertEqual(part["required"], list(part["properties"]))

        self.each(check)

    def test_integers_are_bounded_and_lists_have_items(self):
        def check(part):
            if part.get("type") == "integer":
                self.assertTrue({"minimum", "maximum"} <= part.keys())
                self.assertLessEqual(part["minimum"], part["maximum"])
                self.assertLessEqual(part["maximum"], 2**64 - 1)
            if part.get("type") == "array":
                self.assertIn("items", part)

        self.each(check)

    def test_texts_have_a_form_or_are_said_to_be_free(self):
        shared = documents.schemas()["common"]["$defs"]
        free = [shared[name] for name in ("text", "path", "label")]
        free += [shared["metadata"]["propertyNames"], shared["regions"]["items"]]

        def check(part):
            if part.get("type") == "string" and part not in free:
                self.assertRegex(part["pattern"], r"^\^.*\$$")

        self.each(check)

    def test_shared_definitions_are_all_used(self):
        text = "".join(path.read_text() for path in documents.FOLDER.glob("*.json"))
        for name in documents.schemas()["common"]["$defs"]:
            self.assertRegex(text, rf'#/\$defs/{name}"')

    def test_error_codes_are_those_of_the_specification(self):
        told = set(re.findall(r"SE_ERR_[A-Z_]+", (documents.ROOT / "spec/protocol.md").read_text()))
        self.assertEqual(told, set(documents.schemas()["common"]["$defs"]["error_code"]["enum"]))

    def test_every_schema_is_in_the_table_and_there(self):
        evidence = dict(documents.rows_of("Evidence"))
        told = {name for named in [*documents.commands().values(), *evidence.values()] for name in named}
        self.assertEqual(told | {documents.ERROR}, set(documents.kinds()))
        for file, named in evidence.items():
            self.assertEqual([file.removesuffix(".json")], named)


class Documents(unittest.TestCase):
    """What a ledger prints in its life."""

    @classmethod
    def setUpClass(cls):
        cls.binary = binary()
        with tempfile.TemporaryDirectory() as work:
            # The tour's auditor may run as another user.
            os.chmod(work, 0o755)
            cls.rows, folders = ledger.history(cls.binary, work)
            files = [path for folder in folders for path in sorted(folder.iterdir())]
            cls.evidence = [(path.stem, json.loads(path.read_text())) for path in files]

    def test_evidence_is_as_its_schemas_say(self):
        self.assertEqual(len(self.evidence), 12)
        self.assertEqual({document["passed"] for _, document in self.evidence}, {True, False})
        for kind, document in self.evidence:
            with self.subTest(kind=kind):
                if not documents.matching(document, [kind]):
                    self.fail(documents.complaint(document, [kind]))

    def test_every_row_is_as_its_schema_says(self):
        for number, (command, document) in enumerate(self.rows):
            with self.subTest(row=number, command=command):
                names = documents.kinds_of(command)
                if not documents.matching(document, names):
                    self.fail(documents.complaint(document, names))

    def test_a_document_tells_its_kind(self):
        for kind, document in self.samples():
            with self.subTest(kind=kind):
                self.assertEqual(documents.matching(document, documents.kinds()), [kind])

    def test_every_command_has_a_schema_and_was_run(self):
        known = documents.commands()
        told = set(self.told_commands([]))
        self.assertGreater(len(told), 30)
        shown = {command.removesuffix(" …") for command in known} - {"qfs-replay"}
        # Subcommands of these are alike.
        alike = tuple(command.removesuffix("…") for command in known if command.endswith(" …"))
        self.assertEqual({command for command in told if not command.startswith(alike)}, shown - {a.strip() for a in alike})
        self.assertEqual({alias for alias in alike if not any(c.startswith(alias) for c in told)}, set())
        self.assertEqual(set(known), {row.command for row in self.rows})

    def told_commands(self, words):
        """The commands that `--help` names, as far down as it does."""
        text = subprocess.run([self.binary, *words, "--help"], capture_output=True, text=True, check=True).stdout
        section = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.MULTILINE)
        names = re.findall(r"^  ([a-z-]+) ", section[1], re.MULTILINE) if section else []
        # What has subcommands may be a command itself, such as `proof`: then it has a usage without one.
        usage = re.search(r"^Usage: (.*\n(?: +.*\n)*)", text, re.MULTILINE)[1].splitlines()
        if words and any(not line.endswith("<COMMAND>") for line in usage):
            yield " ".join(words)
        for name in names:
            if name != "help":
                yield from self.told_commands([*words, name])

    def test_every_part_of_every_schema_was_seen(self):
        seen = {part.place for kind, document in self.samples() for part in walk.parts(kind, document)}
        for kind in documents.kinds():
            for place in walk.records(kind):
                with self.subTest(schema=kind):
                    self.assertIn(place, seen)

    def samples(self):
        """Documents with their kinds: of each kind those that show parts of its schema that earlier ones do not."""
        if not hasattr(type(self), "chosen"):
            type(self).chosen = list(self._samples())
        return self.chosen

    def _samples(self):
        seen = {}
        for command, document in self.rows:
            for kind in documents.matching(document, documents.kinds_of(command)):
                yield from self._new(seen, kind, document)
        for kind, document in self.evidence:
            yield from self._new(seen, kind, document)

    def _new(self, seen, kind, document):
        places = {part.place for part in walk.parts(kind, document)}
        if not places <= seen.setdefault(kind, set()):
            seen[kind] |= places
            yield kind, document

    def test_changed_documents_are_refused(self):
        count = 0
        for kind, document in self.samples():
            for what, changed in walk.mutants(kind, document):
                count += 1
                if documents.validator(kind).is_valid(changed):
                    with self.subTest(kind=kind):
                        self.fail(f"{what} passes")
        self.assertGreater(count, 2_000)

    def test_the_program_tells_good_rows_from_bad(self):
        row = next(row.document for row in self.rows if row.command == "node list")
        missing = {key: value for key, value in row.items() if key != "status"}
        for document, status, said in ((row, 0, ""), (missing, 1, "'status' is a required property")):
            program = [sys.executable, documents.__file__, "node", "list"]
            done = subprocess.run(program, input=json.dumps(document), capture_output=True, text=True)
            self.assertEqual(done.returncode, status)
            self.assertIn(said, done.stderr)

    def test_parameters_and_rules_are_those_of_the_ledger(self):
        for kind in ("gov-parameter", "gov-rule"):
            shown = {row.document["name"] for row in self.rows if documents.matching(row.document, [kind])}
            branches = documents.schemas()[kind]["oneOf"]
            told = [name for branch in branches for name in branch["properties"]["name"]["enum"]]
            self.assertEqual(shown, set(told))
            self.assertEqual(len(told), len(set(told)))


class Evidence(unittest.TestCase):
    def test_committed_evidence_is_as_its_schemas_say(self):
        files = sorted((documents.ROOT / "evidence").rglob("*.json"))
        self.assertGreaterEqual(len(files), 3)
        for path in files:
            with self.subTest(file=path.relative_to(documents.ROOT)):
                document = json.loads(path.read_text())
                if documents.matching(document, documents.kinds()) != [path.stem]:
                    self.fail(documents.complaint(document, [path.stem]))


if __name__ == "__main__":
    unittest.main()
