"""A second ledger: the whole economy of QFS in Python, written from `spec/` alone.

It takes the commands that `qfs` takes and says what `qfs` prints. Amounts are integers in units of 10^-18.

| module | what it holds |
|---|---|
| `codes` | error codes, and the refusal that carries one (PR-7) |
| `parameters` | parameters and rules with their bounds (GV-5, RG-5) |
| `placement` | rings, fences, failure domains, replacement (PL) |
| `registry` | snapshots, verification, standings, eligibility (RG) |
| `money` | fees, accounts, settlement (EC) |
| `governance` | electorates, proposals, votes, activation (GV) |
| `objects` | versions, owners, audits, scores (PR-8, PL-5 to PL-8, EC-11) |
| `closing` | what the end of an epoch does (RG-6, GV-10, EC-2 to EC-5) |
| `ledger` | the state, its log, and the invariants that hold after every entry |
| `client` | what the command line does around the ledger, and the rows that it prints |
| `commandline` | a command as the words of `qfs` |
| `histories` | random histories, seeded |
| `driver` | a history through the binary, beside the model |
"""
