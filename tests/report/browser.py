"""A page in headless Chromium that can reach nothing: what it asks of the network, and how it looks."""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# No name is found, and whatever is asked for all the same ends at a port on which nobody listens.
OFFLINE = (
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-default-apps",
)

HEADLESS = ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=2000")

# Who asks, in a net log, when it is the browser itself and no page.
NOBODY = "not an origin"

# Shows how wide a page wants to be, in a window that is as wide as a frame.
FRAME = """<!DOCTYPE html><body><iframe id="f" width="{width}" height="900" style="border: 0" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const root = document.getElementById("f").contentDocument.documentElement;
  document.body.textContent = "WIDTH " + root.clientWidth + " " + root.scrollWidth;
}}</script></body>"""


def find():
    """The program, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A Chromium with a profile of its own, which is gone afterwards."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="qfs-browser.", ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_):
        self.profile.cleanup()

    def run(self, page, *options):
        """Opens a page and ends. Returns what the browser printed, and the addresses that the page asked for."""
        log = Path(self.profile.name) / "net-log.json"
        log.unlink(missing_ok=True)
        # Root has no sandbox in Chromium; the page has no script and the browser no network.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        words = [self.program, *HEADLESS, *root, *OFFLINE, f"--user-data-dir={self.profile.name}/profile",
                 f"--log-net-log={log}", *options, Path(page).resolve().as_uri()]
        ended = subprocess.run(words, check=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return ended.stdout, asked(log)

    def picture(self, page, out, width, height):
        _, asked = self.run(page, f"--window-size={width},{height}", f"--screenshot={Path(out).resolve()}")
        return asked

    def pdf(self, page, out):
        _, asked = self.run(page, f"--print-to-pdf={Path(out).resolve()}", "--no-pdf-header-footer")
        return asked

    def widths(self, page, width):
        """How wide the window of a page is, and how wide its content."""
        frame = Path(self.profile.name) / "frame.html"
        text = html.escape(Path(page).read_text(), quote=True)
        frame.write_text(FRAME.format(width=width, page=text))
        shown, _ = self.run(frame, "--dump-dom")
        return tuple(map(int, re.search(r"WIDTH (\d+) (\d+)", shown).groups()))


def asked(log):
    """The addresses of all requests in a net log that a page has caused."""
    events = json.loads(log.read_text())["events"]
    requests = (event["params"] for event in events if "initiator" in event.get("params", {}))
    return sorted({request["url"] for request in requests if request["initiator"] != NOBODY})


def size(picture):
    """Width and height of a PNG."""
    header = Path(picture).read_bytes()[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")
