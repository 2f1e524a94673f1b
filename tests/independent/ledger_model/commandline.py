"""Commands as the words of `qfs`: the one place that knows the command line."""

import json
from pathlib import Path

from .client.rows import content_of


class Words:
    """Turns commands into words, and writes the files that they name below a directory."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.scorer = "scorer"
        self.files = 0

    def _file(self, data):
        self.files += 1
        path = self.directory / f"f{self.files}"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def of(self, command):
        return getattr(self, "_" + command["do"].replace("-", "_"))(command)

    @staticmethod
    def init(init):
        words = ["init"]
        for node in init["nodes"]:
            text = node["id"]
            for name in ("region", "operator", "asn"):
                if node[name]:
                    text += f",{name}={node[name]}"
            words += ["--node", text]
        words += ["--profile", ",".join(map(str, init["profile"]))]
        for name, value in init["set"].items():
            words += ["--set", f"{name}={value}"]
        return words

    def _put(self, c):
        missing = c.get("missing")
        path = str(self.directory / "missing") if missing else self._file(content_of(c["size"], c["seed"]))
        words = ["put", path, f"--object-id={c['object']}"]
        if c.get("version") is not None:
            words.append(f"--version={c['version']}")
        metadata = c["metadata"]
        if len(metadata) > 4_096:
            metadata = "@" + self._file(metadata)
        return words + [f"--metadata={metadata}"]

    def _rm(self, c):
        return ["rm", "--", c["object"]]

    def _purge(self, c):
        return ["purge", "--", c["object"], str(c["version"])]

    def _ls(self, c):
        return ["ls"] + (["--versions"] if c["versions"] else [])

    def _audit(self, c):
        words = ["audit", "run"]
        if c.get("all"):
            return words + ["--all"]
        return words if c["sample"] is None else words + ["--sample", str(c["sample"])]

    def _register(self, c):
        words = ["node", "register", f"--region={c['region']}", f"--operator={c['operator']}", f"--asn={c['asn']}"]
        words += ["--scheme", c["scheme"]] if c.get("scheme") else []
        words += ["--public-key", c["key"]] if c.get("key") else []
        return words + ["--", c["id"]]

    def _exit(self, c):
        return ["node", "exit", "--", c["id"]]

    def _node_list(self, _):
        return ["node", "list"]

    def _repair(self, c):
        return ["repair"] + (["--node", c["node"]] if c["node"] else [])

    def _advance(self, c):
        words = ["epoch", "advance"]
        for name in ("registry", "telemetry"):
            if c[name] is not None:
                words += [f"--{name}", self._file(c[name])]
        return words

    def _epoch_show(self, c):
        return ["epoch", "show"] + (["--epoch", str(c["epoch"])] if c.get("epoch") else [])

    def _rewards(self, c):
        return ["rewards", "--epoch", str(c["epoch"])]

    def _bundle(self, _):
        return ["bundle"]

    def _credit(self, c):
        return ["credit", c["account"], c["amount"]]

    def _account(self, c):
        return ["account", c["account"]]

    def _score(self, c):
        return ["score", "--", c["object"], str(c["version"]), str(c["score"])]

    def _propose(self, c):
        flags = [f"--speaker={c['speaker']}"] + (["--emergency"] if c["emergency"] else [])
        words = list(c["words"])
        if c["change"] == "rule" and words[0] == "scorers":
            words[1] = words[1].replace("scorer", self.scorer)
        return ["gov", "propose", c["change"], *words, *flags]

    def _vote(self, c):
        speakers = [f"--speaker={speaker}" for speaker in c["speakers"]]
        return ["gov", "vote", str(c["proposal"]), "yes" if c["approve"] else "no", *speakers]

    def _activate(self, c):
        return ["gov", "activate", str(c["proposal"]), f"--speaker={c['speaker']}"]

    def _gov_show(self, c):
        return ["gov", "show"] + ([str(c["proposal"])] if c.get("proposal") is not None else [])

    def _words(self, c):
        return c["words"]


def line(words):
    """One line of a batch."""
    return json.dumps(words)
