"""The report for people (RP-20): of the demo's log, as it is and damaged, read by other parsers and shown by a browser.

The binary is taken from QFS_BINARY, with `qfs-replay` beside it; without it, both are built. Pictures and prints are
kept in QFS_REPORT if it is set. Without Chromium the tests that need it are skipped, and say so.
"""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import browser
import page

ROOT = Path(__file__).resolve().parents[2]
BUILD = "build --quiet -p cli -p replay --features replay/cli --message-format=json-render-diagnostics".split()
DOCUMENTS = ("determinism", "economics", "replay")
WIDE, NARROW = (1100, 9500), (400, 14000)
HOSTILE = '<img src="http://example.invalid/a.png"><script>document.title = "run"; fetch("http://127.0.0.1:9/b")</script>'


def binary():
    """The built `qfs`; the path of the artifact is asked of the build."""
    if os.environ.get("QFS_BINARY"):
        return Path(os.environ["QFS_BINARY"]).resolve()
    built = subprocess.run(["cargo", *BUILD], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    (path,) = {a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "qfs"}
    return Path(path)


def amounts(value):
    """Every amount in a document: texts with 18 decimals."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {amount for inner in value for amount in amounts(inner)}
    is_amount = isinstance(value, str) and value[:-19].isdigit() and value[-19] == "."
    return {value} if is_amount else set()


class Reports(unittest.TestCase):
    """Pages of the demo's log."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="qfs-report.")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.work = Path(cls.folder.name)
        # The demo's auditor runs as a user who owns nothing.
        cls.work.chmod(0o755)
        qfs = binary()
        cls.replay = qfs.with_name("qfs-replay")
        tour = cls.work / "tour"
        demo = [qfs, "demo", "--input", ROOT / "spec", "--output", tour]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.log, cls.keys = tour / "ledger.qfslog", f"@{tour / 'ledger.vkeys'}"

    def audit(self, name, log, *options, status=0):
        """The page of an audit, and the audit's one document."""
        out = self.work / f"{name}.html"
        words = [self.replay, "--json", log, "--report", out, *options]
        ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(ended.returncode, status, ended.stderr)
        return out.read_text(), json.loads(ended.stdout)

    def check(self, text):
        self.assertEqual(page.problems(text), [])
        return page.Page(text)

    def damaged(self):
        data = bytearray(self.log.read_bytes())
        data[len(data) // 2] ^= 1
        path = self.work / "damaged.qfslog"
        path.write_bytes(data)
        return path

    def test_a_sound_log(self):
        text, document = self.audit("sound", self.log, "--key", self.keys, "--evidence", self.work / "evidence")
        self.assertEqual(document["report"], str(self.work / "sound.html"))
        shown = self.check(text)
        self.assertIn("Passed, pinned", shown.text)
        written = " ".join(shown.text)
        for name in ("origin", "ledger_id", "log_hash", "last_entry_hash", "tree_root", "state_root"):
            self.assertIn(document[name], written)
        for name in DOCUMENTS:
            evidence = json.loads((self.work / f"evidence/storage_{name}.json").read_text())
            self.assertTrue(evidence["passed"])
            evidence.pop("parameters", None), evidence.pop("rules", None)
            self.assertLessEqual(amounts(evidence), set(shown.values))

    def test_the_same_bytes_again(self):
        first, _ = self.audit("first", self.log)
        again, document = self.audit("again", self.log)
        self.assertEqual(first, again)
        self.assertEqual(document["verdict"], "unpinned")
        for local in (str(self.work), str(ROOT), os.uname().nodename):
            self.assertNotIn(local, first)

    def test_a_damaged_log(self):
        text, document = self.audit("failed", self.damaged(), status=1)
        shown = self.check(text)
        self.assertTrue(any(piece.startswith("Failed at ") for piece in shown.text))
        self.assertIn(document["error_code"], shown.text)
        field = document["error_detail"].split(", ", 1)[1].split(": ", 1)[0]
        self.assertIn(field, shown.text)

    def test_no_log(self):
        text, document = self.audit("none", self.work / "missing", status=1)
        self.assertEqual(document["error_code"], "SE_ERR_NOT_FOUND")
        self.assertIn("Not audited", self.check(text).text)

    def test_the_reader_notices(self):
        text, _ = self.audit("whole", self.log)
        for change in (
            ("<main>", "<main><script>1</script>"),
            ("<main>", "<main><p onclick='x'>a</p>"),
            ("<main>", "<main><a href='other.html'>a</a>"),
            ("<main>", "<main><div>"),
            ("<caption>", "<!-- none --><p>"),
            ("default-src 'none'", "default-src *"),
            ("<desc", "<desc x=1"),
            (' lang="en"', ""),
            ("<style>", "<style>p { background: url(x) }"),
            (' d="M', ' d="…M'),
            ("h2>", "h4>"),
        ):
            with self.subTest(change=change):
                self.assertIn(change[0], text)
                self.assertNotEqual(page.problems(text.replace(*change)), [])


class Browsers(unittest.TestCase):
    """The same pages in a browser."""

    @classmethod
    def setUpClass(cls):
        program = browser.find()
        if program is None:
            print("\nSKIPPED: there is no Chromium here, so nobody has looked at the report")
            raise unittest.SkipTest("no Chromium")
        Reports.setUpClass.__func__(cls)
        cls.browser = cls.enterClassContext(browser.Browser(program))
        cls.out = Path(os.environ.get("QFS_REPORT") or cls.work)
        cls.out.mkdir(parents=True, exist_ok=True)

    audit, damaged = Reports.audit, Reports.damaged

    def test_it_asks_for_nothing_and_fits(self):
        for name, log, status in (("report", self.log, 0), ("failed", self.damaged(), 1)):
            text, _ = self.audit(name, log, "--key", self.keys, status=status)
            path = self.out / f"{name}.html"
            path.write_text(text)
            with self.subTest(page=name):
                for size in (WIDE, NARROW):
                    picture = self.out / f"{name}-{size[0]}.png"
                    self.assertEqual(self.browser.picture(path, picture, *size), [])
                    self.assertEqual(browser.size(picture), size)
                    window, content = self.browser.widths(path, size[0])
                    self.assertEqual((window, content), (size[0], size[0]))
                pdf = self.out / f"{name}.pdf"
                self.assertEqual(self.browser.pdf(path, pdf), [])
                self.assertTrue(pdf.read_bytes().startswith(b"%PDF-"))

    def test_the_policy_keeps_it_so(self):
        """What asks is noticed; the same in a report, as if nothing had been escaped, is stopped."""
        text, _ = self.audit("policy", self.log)
        bare, held = self.work / "bare.html", self.work / "held.html"
        bare.write_text(f"<!DOCTYPE html><body>{HOSTILE}</body>")
        held.write_text(text.replace("<main>", f"<main>{HOSTILE}"))
        picture = self.work / "any.png"
        self.assertEqual(len(self.browser.picture(bare, picture, *WIDE)), 2)
        self.assertEqual(self.browser.picture(held, picture, *WIDE), [])
        shown, _ = self.browser.run(held, "--dump-dom")
        self.assertNotIn("<title>run</title>", shown)


if __name__ == "__main__":
    unittest.main()
