"""The coefficients of the float32 exponential in packages/backend-wasm/src/functions.ts.

Prints the polynomial p of degree 4 for which 1 + r + r² p(r) is closest to exp(r) for |r| ≤ ½ ln 2, relative to
exp(r): Lawson's iteration of weighted least squares (Lawson 1961; Rice and Usow 1968). Coefficients are rounded to
float32 one after the other, the lowest first, and the others are fitted again.
"""

import numpy as np

half = np.log(2) / 2
r = half * np.cos(np.linspace(0, np.pi, 4001))
# exp(r) − 1 − r by its series: the difference itself would cancel.
tail = sum(r**k / float(np.prod(np.arange(1.0, k + 3))) for k in range(20))
weight = r**2 / np.exp(r)
degree, known = 4, []

while len(known) <= degree:
    powers = np.arange(len(known), degree + 1)
    rest = tail - sum(c * r**k for k, c in enumerate(known))
    lawson = np.ones_like(r)
    for _ in range(2000):
        scale = np.sqrt(lawson) * weight
        fitted = np.linalg.lstsq(scale[:, None] * r[:, None] ** powers, scale * rest, rcond=None)[0]
        error = np.abs(weight * (rest - r[:, None] ** powers @ fitted))
        lawson *= error
        lawson /= lawson.sum()
    known.append(float(np.float32(fitted[0])))

worst = np.abs(weight * (tail - sum(c * r**k for k, c in enumerate(known)))).max()
print("highest power first:", *(np.format_float_positional(np.float32(c)) for c in reversed(known)))
print(f"relative error {worst:.2e}")
