"""The programs that tests compare this auditor with: QFS_BINARY and the `qfs-replay` beside it, else they are built. If
they cannot be built, the tests fail."""

import json
import os
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = "build --quiet -p cli -p replay --features replay/cli --message-format=json-render-diagnostics".split()


@lru_cache(maxsize=1)
def binaries():
    """`qfs` and `qfs-replay`."""
    if os.environ.get("QFS_BINARY"):
        program = Path(os.environ["QFS_BINARY"])
        return program, program.with_name("qfs-replay")
    command = [os.environ.get("CARGO", "cargo"), *BUILD]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [message for message in map(json.loads, built.stdout.splitlines()) if message.get("executable")]
    programs = {message["target"]["name"]: Path(message["executable"]) for message in messages}
    return programs["qfs"], programs["qfs-replay"]
