"""GF(2^m): numbers in Python, and multipliers as expressions.

All but the general product and the inverse is linear over GF(2), so a whole Horner step or one
evaluation of a polynomial is a matrix of bits: a parity of some input bits for each output bit.
"""

from amaranth import Cat, Const

from .code import reduced


class Field:
    """The field of a code; elements are integers, bit k the coefficient of x^k.

    Parameters
    ----------
    code : Code
    """

    def __init__(self, code):
        self.m, self.polynomial = code.m, code.polynomial
        self._powers = [1]
        for _ in range(2**self.m - 2):
            self._powers.append(reduced(self._powers[-1] << 1, self.polynomial))
        self._logs = {element: k for k, element in enumerate(self._powers)}

    def power(self, exponent: int) -> int:
        """alpha^`exponent`, of any sign."""
        return self._powers[exponent % len(self._powers)]

    def multiply(self, a: int, b: int) -> int:
        return self.power(self._logs[a] + self._logs[b]) if a and b else 0

    def inverse(self, a: int) -> int:
        """1 / `a`; of 0, which has none, 0."""
        return self.power(-self._logs[a]) if a else 0

    def generator(self, parity: int, first_root: int) -> list[int]:
        """Coefficients of the generator polynomial, x^0 first."""
        product = [1]
        for k in range(parity):
            root = self.power(first_root + k)
            product = [a ^ self.multiply(b, root)
                       for a, b in zip([0, *product], [*product, 0], strict=True)]
        return product

    def weighted(self, weights: list[list[int]], symbols):
        """For each row of `weights`, the sum of weight × symbol over all `symbols`.

        `symbols` is one value, first symbol lowest; so is the result.
        """
        return parities(
            [mask for row in weights for mask in self._masks(row)], symbols)

    def _masks(self, row: list[int]) -> list[int]:
        """For each bit of sum(weight × symbol): the mask of bits of the symbols it depends on."""
        masks = [0] * self.m
        for place, weight in enumerate(row):
            for bit in range(self.m):
                image = self.multiply(weight, 1 << bit)
                for out in range(self.m):
                    masks[out] |= (image >> out & 1) << place * self.m + bit
        return masks

    def times(self, constant: int, value):
        """`constant` × `value`."""
        return self.weighted([[constant]], value)

    def product(self, a, b):
        """`a` × `b`, two values of m bits."""
        partial = [a & b[k].replicate(self.m) for k in range(self.m)]
        # Bit i of partial product k stands for x^(i+k).
        images = [[reduced(1 << i + k, self.polynomial) for i in range(self.m)]
                  for k in range(self.m)]
        bits = Cat(partial)
        return parities(
            [sum((images[k][i] >> out & 1) << k * self.m + i
                 for k in range(self.m) for i in range(self.m)) for out in range(self.m)], bits)

    def inverted(self, value):
        """1 / `value`, 0 for 0: a table of m functions of m bits."""
        tables = [sum((self.inverse(a) >> bit & 1) << a for a in range(2**self.m))
                  for bit in range(self.m)]
        return Cat(Const(table, 2**self.m).bit_select(value, 1) for table in tables)


def parities(masks: list[int], value):
    """For each mask, the parity of the bits of `value` that it selects."""
    return Cat((value & Const(mask, len(value))).xor() for mask in masks)
