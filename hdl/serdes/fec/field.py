"""GF(2^m): numbers in Python, and multipliers as expressions.

Multiplying by a constant is linear over GF(2), so a whole Horner step or one
evaluation of a polynomial is a matrix of bits: a parity of some input bits for each output bit.
"""

from functools import reduce
from operator import xor

from amaranth import Cat, Const, Mux, Signal

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

    def product(self, m, a, b, *, name: str):
        """`a` × `b`, two values of m bits; its partial products are in a signal called `name`."""
        # Bit i of partial product k stands for x^(i+k).
        partial = Signal(self.m**2, name=name)
        m.d.comb += partial.eq(Cat(Mux(b[k], a, 0) for k in range(self.m)))
        images = [reduced(1 << i + k, self.polynomial)
                  for k in range(self.m) for i in range(self.m)]
        return parities(_transposed(images, self.m), partial)

    @property
    def subfield(self) -> int:
        """Bits of an element of the subfield through which :class:`~.forney.Forney` divides.

        Half of m; m itself, and so the whole field, where m is odd.
        """
        return self.m if self.m % 2 else self.m // 2

    def conjugate(self, value):
        """`value` to the power 2^`subfield`; times `value`, an element of the subfield."""
        if self.subfield == self.m:
            return Const(1, self.m)
        images = [self.power(self._logs[1 << bit] << self.subfield) for bit in range(self.m)]
        return parities(_transposed(images, self.m), value)

    def _basis(self) -> list[int]:
        """A basis of the subfield: powers of its primitive element."""
        step = (2**self.m - 1) // (2**self.subfield - 1)
        return [self.power(step * k) for k in range(self.subfield)]

    def coordinates(self, value):
        """Those of `value`, an element of the subfield, in its basis: `subfield` bits."""
        basis = self._basis()
        masks = [next(mask for mask in range(2**self.m)
                      if all((mask & b).bit_count() % 2 == (j == k) for j, b in enumerate(basis)))
                 for k in range(self.subfield)]
        return parities(masks, value)

    def inverted(self, coordinates):
        """Coordinates of the inverse, a table of `subfield` functions; of 0 those of 0."""
        basis, count = self._basis(), self.subfield
        elements = [0]
        for b in basis:
            elements += [element ^ b for element in elements]
        numbers = {element: k for k, element in enumerate(elements)}
        inverses = [numbers[self.inverse(element)] for element in elements]
        return Cat((Const(table, 2**count) >> coordinates)[0]
                   for table in _transposed(inverses, count))

    def scaled(self, value, coordinates):
        """`value` × the subfield's element of these `coordinates`."""
        terms = [Mux(coordinates[k], self.times(b, value), 0)
                 for k, b in enumerate(self._basis())]
        return reduce(xor, terms)


def _transposed(rows: list[int], width: int) -> list[int]:
    """Bit k of row r to bit r of row k."""
    return [sum((row >> k & 1) << r for r, row in enumerate(rows)) for k in range(width)]


def parities(masks: list[int], value):
    """For each mask, the parity of the bits of `value` that it selects.

    `value` is a signal, or part of one: an expression would be there many times over.
    """
    if len(masks) < len(value):
        return Cat((value & Const(mask, len(value))).xor() for mask in masks)
    # Fewer bits in than out: a vector for each bit in, as simulators are slow at joining bits.
    vectors = [Mux(value[k], Const(column, len(masks)), 0)
               for k, column in enumerate(_transposed(masks, len(value))) if column]
    while len(vectors) > 1:
        vectors = [reduce(xor, vectors[k:k + 2]) for k in range(0, len(vectors), 2)]
    return vectors[0]
