"""Money (EC): fees, accounts, settlement."""

from dataclasses import dataclass

from qfs_reference import SCALE

from .codes import INSUFFICIENT_FUNDS, refuse_if

MAX_UNITS = 2**128 - 1
MAX_CHARGED = MAX_UNITS // 4
MAX_CREDITED = MAX_UNITS // 4


def store_fee(size, keys, parameters):
    """EC-1."""
    kib = -(-size // 1024)
    factor = SCALE + min(keys, parameters.fee_metadata_keys) * parameters.fee_per_metadata_key
    return parameters.fee_per_kib * kib * factor // SCALE


@dataclass
class Account:
    """EC-6, EC-8."""

    balance: int = 0
    debt: int = 0
    fees: int = 0
    credits: int = 0

    def require(self, fee, prepaid):
        """Refuses a fee that a prepaid account cannot cover."""
        refuse_if(prepaid and fee > self.balance, INSUFFICIENT_FUNDS, "the balance does not cover the fee")

    def charge(self, fee):
        paid = min(fee, self.balance)
        self.balance -= paid
        self.debt += fee - paid
        self.fees += fee

    def credit(self, amount):
        """Gives ATR, and says how much of it paid debt."""
        settled = min(amount, self.debt)
        self.debt -= settled
        self.balance += amount - settled
        self.credits += amount
        return settled

    def is_balanced(self):
        return self.credits + self.debt == self.balance + self.fees


@dataclass(frozen=True)
class Settlement:
    """What the closing of an epoch does with its fees (EC-5)."""

    fees: int
    pool: int
    rewards: int
    treasury: int
    reserve: int


def contribution(bytes_stored, uptime_bucket, proofs, verified):
    """EC-3."""
    return bytes_stored * uptime_bucket * proofs if verified else 0


def settle(fees, contributions, verified_nodes, parameters):
    """EC-2, EC-4, EC-5: the settlement, and the reward of each contribution."""
    pool = min(fees * parameters.pool_share // SCALE, parameters.pool_cap)
    total = sum(contributions)
    if verified_nodes < parameters.min_verified_nodes or total == 0:
        rewards = [0] * len(contributions)
    else:
        most = pool * parameters.node_reward_cap // SCALE
        rewards = [min(pool * one // total, most) for one in contributions]
    paid = sum(rewards)
    return Settlement(fees, pool, paid, fees - pool, pool - paid), rewards
