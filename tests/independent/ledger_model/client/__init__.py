"""What the command line does: reads files, places shards, gives commands to the ledger, prints rows.

`Client.apply` takes one command of a history (`histories`) and returns the rows that `qfs --json` prints for it. `ANY`
stands for what only the binary can know: hashes of entries, keys, sentences.
"""

from .governors import Governors
from .rows import ANY, content_of

__all__ = ["ANY", "Client", "content_of"]


class Client(Governors):
    """A data directory: a ledger, and the shards that are at its nodes."""

    def log_rows(self):
        """`log show`, less signatures and hashes of entries."""
        return [
            {
                "seq": entry.seq, "tick": entry.tick, "epoch": entry.epoch, "event_type": entry.event_type,
                "object_id": entry.object_id, "version": entry.version, "hash_commit": entry.hash_commit,
                "node_set": sorted(entry.nodes, key=str.encode), "outcome": entry.outcome,
                "prev_entry_hash": ANY, "entry_hash": ANY, "pqc_signature": ANY,
            }
            for entry in self.ledger.entries
        ]
