"""Writes ops.json: values and gradients of ops by PyTorch, in float64, smooth points and edges.

The tests in test/conformance compare with them. Made with PyTorch 1.13.1 and NumPy 1.24:

    /usr/bin/python3 test/references/make-op-references.py

Every case has inputs, the value of a function of them, and the gradients of sum(w * value), where the
weights are w[i] = 0.5 + frac(0.618 i) in row-major order. Edge cases have kinks, ties, zeros and
infinities; derivatives are not compared where an input is not finite, nor at places named in "skip".
"""

import json
import math
from pathlib import Path

import numpy
import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(7)

themes = {}
inf, nan = math.inf, math.nan


def plain(value):
    """Tensors as nested lists; what JSON lacks as strings."""
    if isinstance(value, torch.Tensor):
        return plain(value.detach().tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return -0.0 if value == 0 and math.copysign(1, value) < 0 else int(value)
    return value


def weights(like):
    i = torch.arange(like.numel(), dtype=torch.float64)
    return (0.5 + (0.618 * i) % 1).reshape(like.shape)


def add(theme, title, f, *inputs, edge=False, skip=(), derivative=True):
    """A case. Inputs are tensors; those of float64 are differentiated."""
    leaves = [x.clone().requires_grad_(x.is_floating_point() and derivative) for x in inputs]
    y = f(*leaves)
    case = {
        "inputs": [
            {"dtype": str(x.dtype).removeprefix("torch."), "shape": list(x.shape), "data": plain(x.flatten())}
            for x in inputs
        ],
        "shape": list(y.shape),
        "value": plain(y.flatten()),
    }
    if y.requires_grad:
        (y * weights(y)).sum().backward()
        zeros = [torch.zeros_like(x) if x.grad is None else x.grad for x in leaves]
        case["grads"] = [
            plain(g.flatten()) if x.is_floating_point() else None for x, g in zip(leaves, zeros)
        ]
    if edge:
        case["edge"] = True
    if skip:
        case["skip"] = list(skip)
    cases = themes.setdefault(theme, {})
    assert title not in cases, title
    cases[title] = case


def randn(*shape):
    return torch.randn(*shape, generator=generator)


def spread(*shape, low=-2.0, high=2.0):
    """Different numbers in (low, high), away from each other, in no order."""
    n = math.prod(shape)
    order = torch.randperm(n, generator=generator)
    return (low + (high - low) * (order + 0.37) / n).reshape(shape)


def ints(data):
    return torch.tensor(data, dtype=torch.int32)


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 20.0, -20.0, inf, -inf, nan]


def unary(theme, name, f, low=-2.0, high=2.0, edges=(), skip=()):
    """A function of one number: at smooth points, and at edges, where `skip` names the inputs left out."""
    add(theme, name, f, spread(2, 4, low=low, high=high))
    at = [*EDGES, *edges]
    indices = [i for i, x in enumerate(at) if x in skip]
    add(theme, f"{name} at edges", f, torch.tensor(at), edge=True, skip=indices)


def binary(theme, name, f, low=0.3, high=2.0, edges=None):
    add(theme, name, f, spread(2, 3, low=low, high=high), spread(3, low=low, high=high))
    if edges is not None:
        x, y = torch.tensor(edges).T
        # 0.1 goes 9 times into 1, being a bit more than a tenth; PyTorch's derivative says 10.
        add(theme, f"{name} at edges", f, x, y, edge=True, skip=[6])


def floor_divide(x, y):
    """PyTorch has no derivative for it: 0."""
    return torch.floor_divide(x.detach(), y.detach()) + 0 * nan_to_zero(x) + 0 * nan_to_zero(y)


def nan_to_zero(x):
    return torch.nan_to_num(x, 0, 0, 0)


def pointwise():
    theme = "pointwise"
    unary(theme, "expm1", torch.expm1)
    unary(theme, "log1p", torch.log1p, -0.6, 3)
    unary(theme, "exp2", torch.exp2)
    unary(theme, "log2", torch.log2, 0.3, 4, edges=[2.0**29, 0.125])
    unary(theme, "log10", torch.log10, 0.3, 4, edges=[1000.0, 1e-5])
    unary(theme, "reciprocal", torch.reciprocal, 0.5, 2)
    unary(theme, "rsqrt", torch.rsqrt, 0.5, 2, skip=[0.0])
    unary(theme, "cube", lambda x: x**3)
    unary(theme, "erf", torch.erf, edges=[1e-20, 3.0, 6.5])
    unary(theme, "erfc", torch.erfc, edges=[1e-20, 3.0, 6.5, 10.0])
    unary(theme, "erfinv", torch.erfinv, -0.9, 0.9, edges=[1e-20, 0.99])
    unary(theme, "tan", torch.tan, -1.2, 1.2)
    unary(theme, "asin", torch.asin, -0.9, 0.9)
    unary(theme, "acos", torch.acos, -0.9, 0.9)
    unary(theme, "atan", torch.atan, edges=[1e-20, 1e200])
    unary(theme, "sinh", torch.sinh, edges=[1e-20, 1e-8, 700.0, -700.0, 0.999])
    unary(theme, "cosh", torch.cosh, edges=[1e-20, 700.0, -700.0])
    unary(theme, "asinh", torch.asinh, edges=[1e-20, 1e-8, -1e-8, 1e150, -1e150])
    unary(theme, "acosh", torch.acosh, 1.2, 3, edges=[1 + 1e-10, 1e150])
    unary(theme, "atanh", torch.atanh, -0.9, 0.9, edges=[1e-20])
    # Close to 0 PyTorch's derivative loses all its digits.
    unary(theme, "sinc", torch.sinc, edges=[0.03, 0.0319, 1e-9], skip=[1e-9])
    unary(theme, "radians", torch.deg2rad)
    unary(theme, "degrees", torch.rad2deg)
    unary(theme, "logit", torch.logit, 0.2, 0.8)
    unary(theme, "ceil", torch.ceil, edges=[2.5, -2.5, 1e300])
    unary(theme, "round", torch.round, edges=[1.5, 2.5, -2.5, 3.5, 1e300, 0.49999999999999994])
    unary(theme, "trunc", torch.trunc, edges=[2.5, -2.5, 1e300])
    unary(theme, "frac", torch.frac, edges=[2.5, -2.5, 1e300])
    unary(theme, "nanToNum", torch.nan_to_num)
    unary(theme, "square", torch.square)
    binary(theme, "hypot", torch.hypot, -2, 2, [[3.0, 4.0], [0.0, -2.0], [1e200, 1e200], [inf, nan], [2.0, -inf], [1e-200, 0], [5.0, 5.0]])
    binary(theme, "atan2", torch.atan2, -2, 2, [[0.0, 1.0], [0.0, -1.0], [-0.0, -1.0], [1.0, 0.0], [inf, inf], [nan, 1.0]])
    binary(theme, "logAddExp", torch.logaddexp, -2, 2, [[1.0, 1.0], [1000.0, 0.0], [-inf, 2.0], [2.0, -inf], [-inf, -inf], [inf, inf], [inf, -inf], [nan, 1.0]])
    binary(theme, "copySign", torch.copysign, -2, 2, [[1.0, -1.0], [-1.0, 2.0], [0.0, -2.0], [2.0, -0.0], [2.0, 0.0], [nan, -1.0], [1.0, inf]])
    binary(theme, "xlogy", torch.xlogy, 0.3, 2, [[0.0, 2.0], [1.0, 0.5], [0.0, nan], [0.0, inf]])
    edges = [[5.5, 3.0], [-5.5, 3.0], [5.5, -3.0], [-5.5, -3.0], [6.0, 3.0], [-6.0, 3.0], [1.0, 0.1], [inf, 2.0], [2.0, inf], [-2.0, inf], [2.0, 0.0], [1e300, 3.0], [-0.3, 0.1]]
    for name, f in {"mod": torch.remainder, "rem": torch.fmod, "floorDivide": floor_divide}.items():
        add(theme, name, f, spread(2, 3, low=2.3, high=2.7), spread(3, low=1.0, high=1.05))
        x, y = torch.tensor(edges).T
        # 0.1 goes 9 times into 1, being a bit more than a tenth; PyTorch's derivative says 10.
        add(theme, f"{name} at edges", f, x, y, edge=True, skip=[6])
    add(theme, "mod of int32", torch.remainder, ints([7, -7, 7, -7, 6]), ints([3, 3, -3, -3, -3]))
    add(theme, "rem of int32", torch.fmod, ints([7, -7, 7, -7, 6]), ints([3, 3, -3, -3, -3]))
    add(theme, "floorDivide of int32", lambda x, y: torch.div(x, y, rounding_mode="floor"), ints([7, -7, 7, -7, 2147483647]), ints([3, 3, -3, -3, 1]))
    binary(theme, "pow", torch.pow, 0.3, 2, [[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [-2.0, 3.0], [-2.0, 0.0], [2.0, -1.0], [1.0, inf], [nan, 0.0]])
    add(theme, "lerp", torch.lerp, randn(2, 3), randn(2, 3), randn(2, 3))
    bounds = [-1.0, 0.0, 1.0, 2.0, 0.5, nan, -inf, inf]
    add(theme, "clip", lambda x: torch.clamp(x, 0, 1), spread(2, 4))
    add(theme, "clip at edges", lambda x: torch.clamp(x, 0, 1), torch.tensor(bounds), edge=True)
    add(theme, "clip between tensors", torch.clamp, torch.tensor([-1.0, 0.5, 3.0, 0.2]), torch.tensor([0.0, 0.1, 0.3, -1.0]), torch.tensor([1.0, 1.1, 1.2, 0.7]))
    add(theme, "clip between bounds in the wrong order", torch.clamp, torch.tensor([-1.0, 0.5, 3.0]), torch.tensor([2.0, 2.0, 2.0]), torch.tensor([1.0, 1.0, 1.0]), edge=True)
    mask = torch.tensor([[True, False, True], [False, False, True]])
    add(theme, "maskedFill", lambda x: x.masked_fill(mask, -1.5), randn(2, 3))
    add(theme, "isClose", lambda x, y: torch.isclose(x, y).double(), torch.tensor([1.0, 1.0, inf, inf, nan, 0.0, 1.0]), torch.tensor([1.0 + 1e-6, 1.1, inf, -inf, nan, 1e-9, inf]), edge=True, derivative=False)


def reductions():
    theme = "reductions"

    def on(name, f, *inputs, **how):
        add(theme, name, f, *inputs, **how)

    x = spread(2, 3, 4)
    ties = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0, 4.0], [2.0, 2.0, 1.0, 0.0, -0.0, 2.0]])
    with_nan = torch.tensor([[1.0, nan, 3.0, inf], [-inf, 2.0, -inf, 0.0]])
    zeros = torch.tensor([[2.0, 0.0, 3.0], [0.0, 5.0, 0.0], [1.5, -2.0, 4.0]])

    on("prod", lambda x: x.prod(), spread(5, low=0.5))
    on("prod along an axis", lambda x: x.prod(1), spread(2, 3, 2, low=0.5))
    on("prod of rows with zeros", lambda x: x.prod(1), zeros)
    on("std", lambda x: x.std(1, unbiased=False), x)
    on("std with a correction", lambda x: x.std(1, unbiased=True), x)
    on("std of equal elements", lambda x: x.std(1, unbiased=False), torch.tensor([[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]]), edge=True)
    on("std of one element", lambda x: x.std(1, unbiased=False), torch.tensor([[1.0], [2.0]]), edge=True)
    on("variance with a correction of one element", lambda x: x.var(1, unbiased=True), torch.tensor([[1.0]]), edge=True, derivative=False)
    on("norm", lambda x: torch.linalg.vector_norm(x, 2, 1), x)
    on("norm of order 1", lambda x: torch.linalg.vector_norm(x, 1, 1), x)
    on("norm of order 3", lambda x: torch.linalg.vector_norm(x, 3, (0, 2)), x)
    on("norm of order 1/2", lambda x: torch.linalg.vector_norm(x, 0.5, 1), spread(2, 3, low=0.5))
    on("norm of order Infinity", lambda x: torch.linalg.vector_norm(x, inf, 1), x)
    on("norm of order -Infinity", lambda x: torch.linalg.vector_norm(x, -inf, 1), x)
    on("norm of order 0", lambda x: torch.linalg.vector_norm(x, 0, 1), zeros, derivative=False, edge=True)
    for order, name in [(2, "norm of order 2 of rows"), (1, "norm of order 1 of rows"), (3, "norm of order 3 of rows"), (inf, "norm of order Infinity of rows"), (-inf, "norm of order -Infinity of rows")]:
        rows = torch.tensor([[0.0, 0.0, 0.0], [0.0, 2.0, -2.0], [1.0, -3.0, 3.0]])
        on(name, lambda x, p=order: torch.linalg.vector_norm(x, p, 1), rows, edge=True)
    on("normalize", lambda x: F.normalize(x, dim=1), x)
    on("normalize of zeros", lambda x: F.normalize(x, dim=0), torch.tensor([0.0, 0.0]), edge=True)
    on("cosineSimilarity", lambda x, y: F.cosine_similarity(x, y, dim=1), spread(3, 4), spread(3, 4))
    on("pairwiseDistances", torch.cdist, spread(3, 4), spread(2, 4))
    on("pairwiseDistances of order 1", lambda x, y: torch.cdist(x, y, 1), spread(3, 4), spread(2, 4))
    on("pairwiseDistances of equal points", torch.cdist, torch.tensor([[1.0, 1.0], [2.0, 2.0]]), torch.tensor([[1.0, 1.0]]), edge=True)
    on("cov", torch.cov, spread(3, 5))
    on("logSumExp of infinities", lambda x: torch.logsumexp(x, 1), torch.tensor([[-inf, -inf], [inf, 0.0], [-inf, 2.0], [1000.0, 1000.0]]), edge=True)
    on("max at ties", lambda x: x.amax(1), ties, edge=True)
    on("min at ties", lambda x: x.amin(1), ties, edge=True)
    on("argmin", lambda x: x.argmin(1).int(), ties[:, [0, 1, 4, 5]], derivative=False, edge=True)
    on("any", lambda x: x.any(1), zeros, derivative=False)
    on("all", lambda x: x.all(1), zeros, derivative=False)
    on("countNonzero", lambda x: torch.count_nonzero(x, 1), zeros, derivative=False)

    for name, f in {"cumsum": torch.cumsum, "cumprod": torch.cumprod, "logCumSumExp": torch.logcumsumexp}.items():
        on(name, lambda x, f=f: f(x, 1), spread(2, 5, low=0.5))
        on(f"{name} along the first axis", lambda x, f=f: f(x, 0), spread(3, 2, low=0.5))
        on(f"{name}, reversed", lambda x, f=f: f(x.flip(1), 1).flip(1), spread(2, 5, low=0.5))
    for name, f in {"cummax": torch.cummax, "cummin": torch.cummin}.items():
        on(name, lambda x, f=f: f(x, 1)[0], spread(2, 5))
        on(f"{name}, reversed", lambda x, f=f: f(x.flip(1), 1)[0].flip(1), spread(2, 5))
        on(f"{name} at ties", lambda x, f=f: f(x, 1)[0], ties, edge=True)
        on(f"{name} of NaN and infinities", lambda x, f=f: f(x, 1)[0], with_nan, edge=True)
    on("cumprod of rows with zeros", lambda x: torch.cumprod(x, 1), zeros)
    on("logCumSumExp of infinities", lambda x: torch.logcumsumexp(x, 1), torch.tensor([[-inf, -inf, 2.0, 1000.0, 0.0]]), edge=True)
    on("diff", lambda x: torch.diff(x, dim=1), x)
    on("diff of order 2", lambda x: torch.diff(x, n=2, dim=2), x)

    on("sort", lambda x: torch.sort(x, 1)[0], spread(2, 5))
    on("sort, descending, along the first axis", lambda x: torch.sort(x, 0, True)[0], spread(3, 2))
    on("sort at ties", lambda x: torch.sort(x, dim=1, stable=True)[0], ties, edge=True)
    on("sort, descending, at ties", lambda x: torch.sort(x, dim=1, descending=True, stable=True)[0], ties, edge=True)
    on("sort of NaN and infinities", lambda x: torch.sort(x, dim=1, stable=True)[0], with_nan, edge=True)
    on("sort, descending, of NaN and infinities", lambda x: torch.sort(x, dim=1, descending=True, stable=True)[0], with_nan, edge=True)
    on("argsort", lambda x: torch.sort(x, dim=1, stable=True)[1].int(), ties, derivative=False)
    on("argsort, descending", lambda x: torch.sort(x, dim=1, descending=True, stable=True)[1].int(), ties, derivative=False)
    on("topK", lambda x: torch.topk(x, 2, 1)[0], spread(3, 5))
    on("topK, smallest", lambda x: torch.topk(x, 2, 0, largest=False)[0], spread(3, 5))
    on("topK places", lambda x: torch.topk(x, 2, 1)[1].int(), spread(3, 5), derivative=False)
    on("median", lambda x: torch.quantile(x, 0.5, 1), spread(2, 5))
    on("median of an even number", lambda x: torch.quantile(x, 0.5), spread(2, 3))
    on("quantile", lambda x: torch.quantile(x, torch.tensor([0.0, 0.3, 0.9, 1.0]), 1), spread(2, 5))
    on("quantile of NaN", lambda x: torch.quantile(x, 0.5, 1), torch.tensor([[1.0, nan, 2.0], [1.0, 2.0, 3.0]]), edge=True)
    on("searchSorted", lambda v: torch.searchsorted(torch.tensor([1.0, 2.0, 2.0, 4.0]), v).int(), torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), derivative=False)
    on("searchSorted, right", lambda v: torch.searchsorted(torch.tensor([1.0, 2.0, 2.0, 4.0]), v, right=True).int(), torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), derivative=False)


def write():
    text = json.dumps(themes, separators=(",", ":"))
    # Fifteen digits would do; all seventeen are kept, so that the numbers are PyTorch's own.
    Path(__file__).with_name("ops.json").write_text(text + "\n")
    print({name: len(cases) for name, cases in themes.items()}, len(text), "bytes")


if __name__ == "__main__":
    pointwise()
    reductions()
    write()
