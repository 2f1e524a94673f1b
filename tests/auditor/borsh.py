"""Canonical bytes (PR-1): small types that read and write, and combinators of them.

A type has `write(value) -> bytes` and `read(reader) -> value`. Readers refuse whatever does not encode back to the
same bytes, with `Malformed`.
"""


class Malformed(Exception):
    """Bytes that are no canonical encoding."""


class Reader:
    """Bytes from their first on."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        end = self.at + length
        if end > len(self.data):
            raise Malformed(f"cut short at byte {self.at}")
        taken, self.at = self.data[self.at : end], end
        return taken


def decode(kind, data):
    """The one value that has exactly these bytes."""
    reader = Reader(data)
    value = kind.read(reader)
    if reader.at != len(data):
        raise Malformed(f"bytes after the end, at {reader.at}")
    return value


class Unsigned:
    """A little-endian integer, below `limit` where one is given."""

    def __init__(self, size, limit=None):
        self.size, self.limit = size, limit

    def read(self, reader):
        value = int.from_bytes(reader.take(self.size), "little")
        if self.limit is not None and value >= self.limit:
            raise Malformed(f"{value} is no known value before byte {reader.at}")
        return value

    def write(self, value):
        return value.to_bytes(self.size, "little")


class Fixed:
    """A fixed number of bytes."""

    def __init__(self, size):
        self.size = size

    def read(self, reader):
        return reader.take(self.size)

    def write(self, value):
        assert len(value) == self.size
        return value


class Flag:
    """A truth value."""

    def read(self, reader):
        value = reader.take(1)[0]
        if value > 1:
            raise Malformed(f"neither true nor false before byte {reader.at}")
        return value == 1

    def write(self, value):
        return b"\1" if value else b"\0"


U8, U16, U32, U64, AMOUNT = (Unsigned(size) for size in (1, 2, 4, 8, 16))
HASH = Fixed(32)
BOOL = Flag()


class Bytes:
    def read(self, reader):
        return reader.take(U32.read(reader))

    def write(self, value):
        return U32.write(len(value)) + value


class Text:
    def read(self, reader):
        try:
            return reader.take(U32.read(reader)).decode()
        except UnicodeDecodeError:
            raise Malformed(f"text before byte {reader.at} is not UTF-8") from None

    def write(self, value):
        return BYTES.write(value.encode())


BYTES, TEXT = Bytes(), Text()


class List:
    def __init__(self, item):
        self.item = item

    def read(self, reader):
        return [self.item.read(reader) for _ in range(U32.read(reader))]

    def write(self, values):
        return U32.write(len(values)) + b"".join(map(self.item.write, values))


class Option:
    def __init__(self, item):
        self.item = item

    def read(self, reader):
        return self.item.read(reader) if BOOL.read(reader) else None

    def write(self, value):
        return b"\0" if value is None else b"\1" + self.item.write(value)


class Record:
    """A value with named fields; subclasses are made by `struct`."""

    FIELDS = {}

    def __init__(self, **values):
        if values.keys() != self.FIELDS.keys():
            raise TypeError(f"{type(self).__name__} has the fields {list(self.FIELDS)}")
        self.__dict__.update(values)

    @classmethod
    def read(cls, reader):
        value = cls.__new__(cls)
        for name, kind in cls.FIELDS.items():
            value.__dict__[name] = kind.read(reader)
        return value

    @classmethod
    def write(cls, value):
        return b"".join(kind.write(value.__dict__[name]) for name, kind in cls.FIELDS.items())

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self):
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def struct(name, /, **fields):
    """A record type, its fields in the order of their bytes."""
    return type(name, (Record,), {"FIELDS": fields})


class Sum:
    """A sum of record types: a tag, then the variant's fields."""

    def __init__(self, name, *variants):
        self.name, self.variants = name, variants
        self.tags = {variant: tag for tag, variant in enumerate(variants)}

    def read(self, reader):
        tag = reader.take(1)[0]
        if tag >= len(self.variants):
            raise Malformed(f"unknown {self.name} {tag} before byte {reader.at}")
        return self.variants[tag].read(reader)

    def write(self, value):
        return bytes([self.tags[type(value)]]) + type(value).write(value)
