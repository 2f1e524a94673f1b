"""The certified functions of `spec/certified-math.md` with Python's integers and `decimal`, and their vectors.

Whole results come from integers alone. A real result is enclosed by two decimals at a precision that grows
until both have the same floor; where they do not, at many digits, it is taken for a multiple of 10^-18 if
that is an identity between integers.
"""

from decimal import Context, Decimal, MAX_EMAX, MIN_EMIN, ROUND_FLOOR
from fractions import Fraction
from math import isqrt

SCALE = 10**18
LIMIT = 2**128
ERRORS = ("", "DivisionByZero", "Overflow", "Underflow", "Syntax", "Domain")

# From how many digits on a value that is still on both sides of a multiple is tested for being one.
SUSPECT_DIGITS = 1000


def ranged(value):
    return [value] if value < LIMIT else "Overflow"


def is_identity(name, operands, raw):
    """Whether the function's value is exactly raw / 10^18 (CM-15)."""
    result, x = Fraction(raw, SCALE), Fraction(operands[0], SCALE)
    if name in ("log2", "log10"):
        base = 2 if name == "log2" else 10
        return result.denominator == 1 and Fraction(base) ** int(result) == x
    if name == "exp2":
        return x.denominator == 1 and result == 2 ** int(x)
    if name in ("pow", "powi"):
        y = Fraction(operands[1], SCALE if name == "pow" else 1)
        if x in (0, 1) or y == 0:
            return result == (1 if y == 0 else x)
        # Both sides in lowest terms; no power of 10^5 and more of anything but 1 is a result.
        return y.denominator < 1000 and y.numerator < 10**5 and result**y.denominator == x**y.numerator
    return (name, operands[0], raw) in (("exp", 0, SCALE), ("ln", SCALE, 0))


def split(amount, weights):
    total = sum(weights)
    if total == 0:
        return "DivisionByZero"
    parts = [amount * weight // total for weight in weights]
    return parts + [amount - sum(parts)]


def by_integers(name, operands):
    """The answer where integers give it: a list of numbers or the name of an error; `None` where they do not."""
    x = operands[0]
    if name == "sqrt":
        return [isqrt(x * SCALE)]
    if name == "mul":
        return ranged(x * operands[1] // SCALE)
    if name == "div":
        return ranged(x * SCALE // operands[1]) if operands[1] else "DivisionByZero"
    if name == "split":
        return split(x, operands[1:])
    if name in ("ln", "log2", "log10") and x < SCALE:
        return "Underflow" if x else "Domain"
    if name in ("pow", "powi") and operands[1] == 0:
        return [SCALE]
    if name in ("pow", "powi") and x == 0:
        return [0]
    if name == "powi" and operands[1] * x.bit_length() < 4000:
        return ranged(x ** operands[1] // SCALE ** (operands[1] - 1))
    return None


def real(ctx, name, operands):
    """The value to about the context's digits."""
    x = ctx.divide(Decimal(operands[0]), SCALE)
    if name == "exp":
        return ctx.exp(x)
    if name == "exp2":
        return ctx.exp(ctx.multiply(x, ctx.ln(2)))
    if name in ("pow", "powi"):
        y = ctx.divide(Decimal(operands[1]), SCALE if name == "pow" else 1)
        return ctx.exp(ctx.multiply(y, ctx.ln(x)))
    base = {"ln": Decimal(1), "log2": ctx.ln(2), "log10": ctx.ln(10)}[name]
    return ctx.divide(ctx.ln(x), base)


def by_decimals(name, operands):
    digits = 150
    while True:
        ctx = Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
        value = ctx.multiply(real(ctx, name, operands), SCALE)
        if value > 2 * LIMIT:
            return "Overflow"
        # Of the digits, fewer than 50 are lost to roundings: an argument of the exponential has up to 42
        # digits before the point where it decides anything.
        margin = ctx.add(ctx.scaleb(abs(value), 50 - digits), Decimal(10) ** (50 - digits))
        low, high = (
            int(bound.to_integral_value(ROUND_FLOOR)) for bound in (ctx.subtract(value, margin), ctx.add(value, margin))
        )
        if max(low, 0) == high or low >= LIMIT:
            return ranged(high)
        if digits >= SUSPECT_DIGITS and is_identity(name, operands, high):
            return ranged(high)
        digits *= 2


def expected(name, *operands):
    """What the function gives: a list of numbers, or the name of an error."""
    answer = by_integers(name, operands)
    return by_decimals(name, operands) if answer is None else answer


def _field(value):
    data = value.to_bytes(17, "little").rstrip(b"\0")
    return bytes([len(data)]) + data


def encode(operands, answer):
    """One record of a vector file (CM-23)."""
    head = bytes([len(operands)]) + b"".join(map(_field, operands))
    if isinstance(answer, str):
        return head + bytes([ERRORS.index(answer)])
    return head + b"\0" + b"".join(map(_field, answer))


def decode(name, data):
    """The records of a vector file as pairs of operands and answer."""
    at = 0

    def byte():
        nonlocal at
        at += 1
        return data[at - 1]

    def field():
        nonlocal at
        size = byte()
        at += size
        return int.from_bytes(data[at - size : at], "little")

    while at < len(data):
        operands = tuple(field() for _ in range(byte()))
        status = byte()
        count = len(operands) if name == "split" else 1
        yield operands, ERRORS[status] if status else [field() for _ in range(count)]
