"""Vectors of the certified functions, derived again with Python's integers and `decimal` alone."""

import unittest
from pathlib import Path

import certified_math_reference as reference

FOLDER = Path(__file__).resolve().parent.parent / "vectors" / "certified-math"
SCALE = reference.SCALE

# Every how many vectors one is derived again; those by integers alone all are.
STEP = {"sqrt": 1, "split": 1, "powi": 8, "pow": 12}


def vectors(name):
    return list(reference.decode(name, (FOLDER / f"{name}.bin").read_bytes()))


class Vectors(unittest.TestCase):
    def test_cm14_vectors_are_derived_again(self):
        for path in sorted(FOLDER.glob("*.bin")):
            name = path.stem
            rows = vectors(name)
            self.assertGreaterEqual(len(rows), 10_000, name)
            for operands, answer in rows[:: STEP.get(name, 8)]:
                self.assertEqual(reference.expected(name, *operands), answer, (name, operands))

    def test_cm23_encoding_is_the_only_one(self):
        for path in sorted(FOLDER.glob("*.bin")):
            data = path.read_bytes()
            again = b"".join(reference.encode(*row) for row in reference.decode(path.stem, data))
            self.assertEqual(again, data, path.name)

    def test_there_is_a_file_for_each_function(self):
        names = {path.stem for path in FOLDER.glob("*.bin")}
        self.assertEqual(names, {"sqrt", "exp", "exp2", "ln", "log2", "log10", "pow", "powi", "split"})


class ByHand(unittest.TestCase):
    """The reference itself, against values from the literature and from a pencil."""

    def test_cm17_and_cm18_known_decimals(self):
        for name, operand, digits in (
            ("exp", SCALE, 2_718281828459045235),
            ("exp2", SCALE // 2, 1_414213562373095048),
            ("ln", 2 * SCALE, 693147180559945309),
            ("log2", 10 * SCALE, 3_321928094887362347),
            ("log10", 2 * SCALE, 301029995663981195),
        ):
            self.assertEqual(reference.expected(name, operand), [digits], name)

    def test_cm15_exact_cases(self):
        for request, result in (
            (("pow", 4 * SCALE, SCALE // 2), 2 * SCALE),
            (("pow", 4 * SCALE // 100, SCALE // 2), 2 * SCALE // 10),
            (("pow", 256 * SCALE, SCALE // 8), 2 * SCALE),
            (("pow", 4 * 10**10, 3 * SCALE // 2), 8 * 10**6),
            (("log2", 8 * SCALE), 3 * SCALE),
            (("log10", 10**20), 2 * SCALE),
            (("exp2", 3 * SCALE), 8 * SCALE),
            (("exp", 0), SCALE),
        ):
            self.assertEqual(reference.expected(*request), [result], request)

    def test_cm4_errors(self):
        for request, error in (
            (("ln", 0), "Domain"),
            (("log2", SCALE // 2), "Underflow"),
            (("exp", 48 * SCALE), "Overflow"),
            (("split", 1, 0, 0), "DivisionByZero"),
        ):
            self.assertEqual(reference.expected(*request), error, request)


if __name__ == "__main__":
    unittest.main()
