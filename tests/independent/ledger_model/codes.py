"""Error codes (PR-7)."""

NOT_FOUND = "SE_ERR_NOT_FOUND"
INVALID_VERSION = "SE_ERR_INVALID_VERSION"
INVALID_INPUT = "SE_ERR_INVALID_INPUT"
NO_ELIGIBLE_NODES = "SE_ERR_NO_ELIGIBLE_NODES"
PROOF_UNAVAILABLE = "SE_ERR_PROOF_UNAVAILABLE"
INTEGRITY_MISMATCH = "SE_ERR_INTEGRITY_MISMATCH"
AEGIS_CONTEXT_MISSING = "SE_ERR_AEGIS_CONTEXT_MISSING"
INTERNAL = "SE_ERR_INTERNAL"
UNAUTHORIZED = "SE_ERR_UNAUTHORIZED"
EPOCH_CHANGED = "SE_ERR_EPOCH_CHANGED"
LIMIT = "SE_ERR_LIMIT"
INSUFFICIENT_FUNDS = "SE_ERR_INSUFFICIENT_FUNDS"
CONTENT_UNAVAILABLE = "SE_ERR_CONTENT_UNAVAILABLE"
CONFLICT = "SE_ERR_CONFLICT"
BUSY = "SE_ERR_BUSY"
TOO_EARLY = "SE_ERR_TOO_EARLY"
TOO_LATE = "SE_ERR_TOO_LATE"
NO_QUORUM = "SE_ERR_NO_QUORUM"


class Refused(Exception):
    """Something that QFS refuses, with its code."""

    def __init__(self, code, detail=""):
        super().__init__(f"{code}: {detail}")
        self.code = code


def refuse_if(condition, code, detail=""):
    """One line of a table of refusals."""
    if condition:
        raise Refused(code, detail)
