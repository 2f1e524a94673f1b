"""An auditor of exported logs, written from `spec/` alone. See README.md.

| module | what it holds |
|---|---|
| `borsh` | canonical bytes: combinators of PR-1 |
| `schema` | the byte maps of PR-3 and ST-2 |
| `ed25519`, `signatures` | strict verification of every suite, and of commands (PR-4) |
| `notes` | keys, signed notes, checkpoints (EL-8 to EL-13) |
| `export` | the export file, chain and tree (EL-1 to EL-5, EL-15 to EL-19) |
| `sparse` | the sparse Merkle map of state roots (ST-3) |
| `state` | records (ST-1, ST-2) and reads of them |
| `admission` | what is judged without the state (PR-5, PR-6) |
| `decide` | decisions and what they change (ST-7, ST-8), with `objects`, `closing`, `governance` and `keys` |
| `audit` | the pass over a log (RP) |
| `pieces`, `tiles` | proof files, growth, two histories; published files (EL-21 to EL-27) |
| `command` | the command (RP-10, RP-15, RP-16) |
"""

import sys
from pathlib import Path

# The formulas that the independent implementation has already are not written a third time.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "independent"))
