"""Reed-Solomon codes of docs/fec.md, compiled. Symbols are int64, first the highest degree."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit


class Code(NamedTuple):
    """A code over GF(2^m) whose generator has the roots alpha^0 and up.

    `exp` int64[2 q], `log` int64[q]: powers of alpha, and the inverse; `generator` int64[2t]: its
    coefficients below the highest, from the highest degree down.
    """

    total: int       # symbols of a codeword
    message: int     # symbols of its message
    correct: int     # wrong symbols that are corrected
    exp: np.ndarray
    log: np.ndarray
    generator: np.ndarray


@cache
def make_code(m: int, polynomial: int, total: int, message: int, correct: int) -> Code:
    """The code RS(total, message) over the field of the primitive `polynomial`, m its degree."""
    order = 2**m - 1
    exp, log, value = np.zeros(2 * order, np.int64), np.zeros(order + 1, np.int64), 1
    for power in range(order):
        exp[power] = exp[power + order] = value
        log[value] = power
        value <<= 1
        value ^= polynomial if value >> m else 0
    generator = [1]
    for root in range(total - message):
        shifted = [exp[log[c] + root] if c else 0 for c in generator]
        generator = [a ^ b for a, b in zip([*generator, 0], [0, *shifted], strict=True)]
    return Code(total, message, correct, exp, log, np.array(generator[1:], np.int64))


@njit(cache=True)
def _mul(code, a, b):
    return code.exp[code.log[a] + code.log[b]] if a and b else 0


@njit(cache=True)
def _div(code, a, b):
    order = code.log.size - 1
    return code.exp[code.log[a] + order - code.log[b]] if a else 0


@njit(cache=True)
def parity_symbols(code, messages):
    """Parity int64[words, total - message] of messages int64[words, message]."""
    words, count = messages.shape[0], code.generator.size
    out = np.zeros((words, count), np.int64)
    for word in range(words):
        rest = out[word]
        for symbol in messages[word]:
            lead = symbol ^ rest[0]
            for i in range(count - 1):
                rest[i] = rest[i + 1] ^ _mul(code, lead, code.generator[i])
            rest[count - 1] = _mul(code, lead, code.generator[count - 1])
    return out


@njit(cache=True)
def _syndromes(code, word, out):
    """Fill `out`; whether any is not 0."""
    wrong = False
    for root in range(out.size):
        value = 0
        for symbol in word:
            value = (code.exp[code.log[value] + root] if value else 0) ^ symbol
        out[root] = value
        wrong = wrong or value != 0
    return wrong


@njit(cache=True)
def _locator(code, syndromes, locator):
    """Berlekamp and Massey: fill `locator`, the shortest recursion; its length."""
    size = syndromes.size
    other, kept = np.zeros(size + 1, np.int64), np.zeros(size + 1, np.int64)
    locator[:] = 0
    locator[0] = other[0] = 1
    length, shift, before = 0, 1, 1
    for step in range(size):
        gap = syndromes[step]
        for i in range(1, length + 1):
            gap ^= _mul(code, locator[i], syndromes[step - i])
        if gap:
            kept[:] = locator
            scale = _div(code, gap, before)
            for i in range(size + 1 - shift):
                locator[i + shift] ^= _mul(code, scale, other[i])
            if 2 * length <= step:
                length, before, shift = step + 1 - length, gap, 0
                other[:] = kept
        shift += 1
    return length


@njit(cache=True)
def _value(code, polynomial, count, log_x):
    """A polynomial's value at alpha^log_x; the lowest degree is first."""
    order, total = code.log.size - 1, 0
    for i in range(count):
        if polynomial[i]:
            total ^= code.exp[(code.log[polynomial[i]] + i * log_x) % order]
    return total


@njit(cache=True)
def correct_word(code, word):
    """Correct a word int64[total] in place; the symbols corrected, or -1: then it is unchanged."""
    size, order = code.generator.size, code.log.size - 1
    syndromes, locator = np.zeros(size, np.int64), np.zeros(size + 1, np.int64)
    if not _syndromes(code, word, syndromes):
        return 0
    length = _locator(code, syndromes, locator)
    if length > code.correct:
        return -1
    # Forney: errors are X Omega(1/X) / Lambda'(1/X) for roots from alpha^0 up.
    omega, slope = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for i in range(length):
        for j in range(i + 1):
            omega[i] ^= _mul(code, syndromes[i - j], locator[j])
    for i in range(1, length + 1, 2):
        slope[i - 1] = locator[i]
    fixed, found = word.copy(), 0
    for place in range(code.total):
        degree = code.total - 1 - place
        inverse = (order - degree) % order
        if _value(code, locator, length + 1, inverse):
            continue
        below = _value(code, slope, length, inverse)
        if below == 0:
            return -1
        above = _mul(code, code.exp[degree], _value(code, omega, length, inverse))
        fixed[place] ^= _div(code, above, below)
        found += 1
    if found != length or _syndromes(code, fixed, syndromes):
        return -1
    word[:] = fixed
    return found
