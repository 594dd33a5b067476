"""The coefficients of float32 functions in packages/backend-wasm/src/functions.ts, found by what they are good for:

- the p of degree 4 for which 1 + r + r² p(r) is closest to exp(r) for |r| ≤ ½ ln 2;
- the p of degree 5 for which x + x p(x²) is closest to erf(x) for |x| ≤ 0.93;
- the p of degree 6 for which 1 − exp(p(x)) is closest to erf(x) from there to 3.93, beyond which it is 1.

All relative to the function: Lawson's iteration of weighted least squares (Lawson 1961; Rice and Usow 1968).
Coefficients are rounded to float32 one after the other, the lowest first, and the others are fitted again.
"""

import math

import numpy as np


def fit(name, x, powers, target, weight):
    """Prints the coefficients of the given powers of x with the least greatest error, times its weight."""
    known = []
    while len(known) < len(powers):
        free = x[:, None] ** np.array(powers[len(known) :])
        rest = target - sum(c * x**k for c, k in zip(known, powers))
        lawson = np.ones_like(x)
        for _ in range(2000):
            scale = np.sqrt(lawson) * weight
            fitted = np.linalg.lstsq(scale[:, None] * free, scale * rest, rcond=None)[0]
            lawson *= np.abs(weight * (rest - free @ fitted))
            lawson /= lawson.sum()
        known.append(float(np.float32(fitted[0])))
    error = np.abs(weight * (target - sum(c * x**k for c, k in zip(known, powers)))).max()
    numbers = ", ".join(np.format_float_positional(np.float32(c)) for c in reversed(known))
    print(f"{name}, highest power first: {numbers} (relative error {error:.1e})")


def points(low, high):
    """Chebyshev points."""
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.linspace(0, np.pi, 4001))


r = points(-np.log(2) / 2, np.log(2) / 2)
# exp(r) − 1 − r, divided by r², by its series: the difference itself would cancel.
tail = sum(r**k / float(math.factorial(k + 2)) for k in range(20))
fit("exp", r, range(5), tail, r**2 / np.exp(r))

near = points(1e-6, 0.93)
erf = np.vectorize(math.erf)(near)
fit("erf near 0", near, range(1, 13, 2), erf - near, 1 / erf)

far = points(0.93, 3.93)
erfc = np.vectorize(math.erfc)(far)
fit("erf", far, range(7), np.log(erfc), erfc / (1 - erfc))
