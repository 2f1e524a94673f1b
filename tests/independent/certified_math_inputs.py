"""Inputs for the certified functions: seeded, from distributions that look for trouble.

Numbers are their `raw` integers (CM-1). A request is a tuple: a function's name and its operands.
"""

import random
from decimal import Context, Decimal

SCALE = 10**18
MAX = 2**128 - 1

UNARY = ("sqrt", "exp", "exp2", "ln", "log2", "log10")
BINARY = ("pow", "powi", "mul", "div")
FUNCTIONS = UNARY + BINARY + ("split",)

# Enough digits to land on the nearest multiple of 10^-18; inputs need no proof.
ROUGH = Context(prec=60, Emax=10**9, Emin=-(10**9))
LN_2 = ROUGH.ln(Decimal(2))
LN_10 = ROUGH.ln(Decimal(10))


def clip(value, low=0, high=MAX):
    return max(low, min(high, int(value)))


def nudge(rng):
    """A small step: mostly a few units, sometimes much more."""
    return rng.choice((0, 0, 1, -1, 2, -2, rng.randint(-9, 9), log_uniform(rng, 20), -log_uniform(rng, 40)))


def log_uniform(rng, bits=128):
    return rng.getrandbits(rng.randint(1, bits))


def decimal(rng, most=10**4):
    """A number with few digits, as people write them."""
    return clip(rng.randint(0, most) * 10 ** (18 - rng.choice((0, 0, 1, 2, 3, 6, 9, 18))))


def near_one(rng):
    return clip(SCALE + rng.choice((1, -1)) * log_uniform(rng, 62))


def anything(rng):
    return rng.choice((
        lambda: rng.getrandbits(128),
        lambda: log_uniform(rng),
        lambda: decimal(rng),
        lambda: near_one(rng),
        lambda: clip((1 << rng.randint(0, 128)) + nudge(rng)),
        lambda: clip(10 ** rng.randint(0, 38) + nudge(rng)),
        lambda: MAX - log_uniform(rng, 20),
        lambda: log_uniform(rng, 8),
        lambda: rng.randrange(48 * SCALE),
        lambda: rng.randrange(69 * SCALE),
    ))()


def inverse(name, result):
    """About the number whose function is `result`, which lies close to the grid from both sides."""
    value = Decimal(result) / SCALE
    if name == "sqrt":
        return result * result // SCALE
    if name in ("exp", "exp2"):
        x = ROUGH.ln(max(value, Decimal(1)))
        return int((x if name == "exp" else x / LN_2) * SCALE)
    factor = {"ln": Decimal(1), "log2": LN_2, "log10": LN_10}[name]
    return int(ROUGH.exp(min(value * factor, Decimal(50))) * SCALE)


def unary(rng, name):
    kind = rng.randrange(4)
    if kind == 0:
        return (name, clip(inverse(name, anything(rng)) + nudge(rng)))
    if kind == 1 and name != "sqrt":
        # Within the domain where there is a result.
        top = {"exp": 47276307437780177294, "exp2": 68205294292027477738}.get(name)
        return (name, rng.randrange(top) + nudge(rng) % 3 if top else rng.randint(SCALE, MAX))
    return (name, anything(rng))


def root_power(rng):
    """A base with a rational power, or next to one, and the exponent."""
    root = rng.choice((1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64))
    power = rng.randint(1, 40)
    decimals = 18 // root
    most = 2 ** max(1, 128 // root)
    base = rng.randint(1, min(most, 10**6))
    shift = rng.randint(0, decimals) if decimals else 0
    x = base**root * 10 ** (18 - shift * root)
    y = power * SCALE // root
    return clip(x + rng.choice((0, 0, 1, -1, nudge(rng)))), clip(y + rng.choice((0, 0, 1, -1, nudge(rng))))


def in_range_power(rng):
    """A base of any size and an exponent for which the power is within the range."""
    x = clip(anything(rng), low=1)
    ln = ROUGH.ln(Decimal(x) / SCALE)
    if abs(ln) < Decimal(1) / 10**20:
        return x, anything(rng)
    target = Decimal(rng.uniform(0, 47.3 if ln > 0 else 42))
    return x, clip(target / abs(ln) * SCALE + nudge(rng))


def series_power(rng):
    """Base and exponent next to whole numbers, where the first terms of the series cancel."""
    small = lambda: rng.randint(-50, 50)
    whole = rng.choice((0, 1, 1, 1, 2, 3))
    y = clip(rng.choice((whole * SCALE + small(), whole * SCALE // 2 + small())))
    return clip(SCALE + small() * rng.choice((1, 10**3, 10**6, 10**9))), y


def long_power(rng):
    """A base next to 1 and an exponent that takes it to the end of the range: roundings weigh most here."""
    x = SCALE + rng.randint(1, 200)
    target = Decimal(rng.uniform(44, 47.2764))
    return x, clip(target / ROUGH.ln(Decimal(x) / SCALE) * SCALE)


def power(rng):
    x, y = rng.choice((
        lambda: root_power(rng),
        lambda: in_range_power(rng),
        lambda: in_range_power(rng),
        lambda: series_power(rng),
        lambda: long_power(rng),
        lambda: (anything(rng), anything(rng)),
        lambda: (decimal(rng), decimal(rng, 200)),
        lambda: (near_one(rng), anything(rng)),
    ))()
    return ("pow", x, y)


def whole_power(rng):
    x = anything(rng)
    kind = rng.randrange(5)
    if kind == 4:
        x, y = long_power(rng)
        return ("powi", x, y // SCALE)
    if kind == 0:
        return ("powi", x, rng.randint(0, 40))
    if kind == 1:
        return ("powi", near_one(rng), log_uniform(rng, 70))
    if kind == 2:
        x, y = in_range_power(rng)
        return ("powi", x, clip(y // SCALE + rng.randint(0, 2)))
    return ("powi", x, rng.getrandbits(128) if rng.random() < 0.1 else log_uniform(rng, 66))


def split(rng):
    size = rng.choice((1, 2, 2, 3, 4, 7))
    weight = rng.choice((
        lambda: log_uniform(rng),
        lambda: rng.randint(0, 3),
        lambda: rng.randint(0, 1000),
        lambda: MAX - log_uniform(rng, 10),
    ))
    return ("split", anything(rng), *(weight() for _ in range(size)))


def request(rng, name):
    if name in UNARY:
        return unary(rng, name)
    if name == "pow":
        return power(rng)
    if name == "powi":
        return whole_power(rng)
    if name == "split":
        return split(rng)
    return (name, anything(rng), anything(rng))


def edges(name):
    """Every input at an end of the domain, and every exact case of a small size."""
    points = {0, 1, 2, 3, SCALE // 2, SCALE - 2, SCALE - 1, SCALE, SCALE + 1, SCALE + 2, MAX - 1, MAX}
    points |= {clip((1 << bit) + step) for bit in range(129) for step in (-1, 0, 1)}
    points |= {clip(10**k + step) for k in range(39) for step in (-1, 0, 1)}
    points |= {clip(SCALE * 2**k + step) for k in range(-18, 69) if k >= 0 for step in (-1, 0, 1)}
    points |= {SCALE // 2**k + step for k in range(1, 19) for step in (-1, 0, 1)}
    points |= {k * SCALE for k in range(70)}
    points |= {47276307437780177293 + step for step in range(-3, 4)}
    points |= {68205294292027477738 + step for step in range(-3, 4)}
    points = sorted(points)
    if name in UNARY:
        return [(name, x) for x in points]
    if name == "split":
        weights = ([], [0], [0, 0], [1], [1, 1, 1], [0, 1], [MAX] * 3, [MAX, 1], [MAX, 0], [1] * 9)
        return [(name, x, *w) for x in (0, 1, 2, 10, SCALE, MAX - 1, MAX) for w in weights]
    few = [0, 1, 2, SCALE // 2, SCALE - 1, SCALE, SCALE + 1, 2 * SCALE, 10 * SCALE, MAX - 1, MAX]
    if name == "powi":
        exponents = [0, 1, 2, 3, 17, 18, 19, 68, 69, 127, 128, 2**64, 2**66 - 1, 2**66, 2**68, MAX]
        exact = [(name, m * 10**d, n) for m in (2, 4, 5, 7, 25, 15) for d in range(19) for n in range(20)]
        return exact + [(name, x, n) for x in points for n in exponents]
    halves = [(name, x, y) for x in points for y in (1, SCALE // 2, SCALE // 8, 3 * SCALE // 2)]
    return halves + [(name, x, y) for x in few for y in points] + [(name, x, y) for x in points for y in few]


def requests(name, count, seed):
    """The edges of a function and `count` random requests. The same seed gives the same ones."""
    rng = random.Random(f"certified-math {name} {seed}")
    yield from edges(name)
    for _ in range(count):
        yield request(rng, name)




def sample(name, count, seed):
    """`count` requests: a third of them edges, where there are so many, and the rest random."""
    rng = random.Random(f"certified-math sample {name} {seed}")
    corners = edges(name)
    chosen = rng.sample(corners, min(len(corners), count // 3))
    return chosen + [request(rng, name) for _ in range(count - len(chosen))]
