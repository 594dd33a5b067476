"""Writes ops.json: values and gradients of ops by PyTorch, in float64, smooth points and edges.

The tests in test/conformance compare with them. Made with PyTorch 1.13.1 and NumPy 1.24:

    /usr/bin/python3 test/references/make-op-references.py && pnpm oxfmt test/references

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
            {
                "dtype": str(x.dtype).removeprefix("torch."),
                "shape": list(x.shape),
                "data": plain(x.flatten()),
            }
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
    binary(
        theme,
        "hypot",
        torch.hypot,
        -2,
        2,
        [[3.0, 4.0], [0.0, -2.0], [1e200, 1e200], [inf, nan], [2.0, -inf], [1e-200, 0], [5.0, 5.0]],
    )
    binary(
        theme,
        "atan2",
        torch.atan2,
        -2,
        2,
        [[0.0, 1.0], [0.0, -1.0], [-0.0, -1.0], [1.0, 0.0], [inf, inf], [nan, 1.0]],
    )
    binary(
        theme,
        "logAddExp",
        torch.logaddexp,
        -2,
        2,
        [
            [1.0, 1.0],
            [1000.0, 0.0],
            [-inf, 2.0],
            [2.0, -inf],
            [-inf, -inf],
            [inf, inf],
            [inf, -inf],
            [nan, 1.0],
        ],
    )
    binary(
        theme,
        "copySign",
        torch.copysign,
        -2,
        2,
        [[1.0, -1.0], [-1.0, 2.0], [0.0, -2.0], [2.0, -0.0], [2.0, 0.0], [nan, -1.0], [1.0, inf]],
    )
    binary(theme, "xlogy", torch.xlogy, 0.3, 2, [[0.0, 2.0], [1.0, 0.5], [0.0, nan], [0.0, inf]])
    edges = [
        [5.5, 3.0],
        [-5.5, 3.0],
        [5.5, -3.0],
        [-5.5, -3.0],
        [6.0, 3.0],
        [-6.0, 3.0],
        [1.0, 0.1],
        [inf, 2.0],
        [2.0, inf],
        [-2.0, inf],
        [2.0, 0.0],
        [1e300, 3.0],
        [-0.3, 0.1],
    ]
    for name, f in {"mod": torch.remainder, "rem": torch.fmod, "floorDivide": floor_divide}.items():
        add(theme, name, f, spread(2, 3, low=2.3, high=2.7), spread(3, low=1.0, high=1.05))
        x, y = torch.tensor(edges).T
        # 0.1 goes 9 times into 1, being a bit more than a tenth; PyTorch's derivative says 10.
        add(theme, f"{name} at edges", f, x, y, edge=True, skip=[6])
    add(theme, "mod of int32", torch.remainder, ints([7, -7, 7, -7, 6]), ints([3, 3, -3, -3, -3]))
    add(theme, "rem of int32", torch.fmod, ints([7, -7, 7, -7, 6]), ints([3, 3, -3, -3, -3]))
    add(
        theme,
        "floorDivide of int32",
        lambda x, y: torch.div(x, y, rounding_mode="floor"),
        ints([7, -7, 7, -7, 2147483647]),
        ints([3, 3, -3, -3, 1]),
    )
    binary(
        theme,
        "pow",
        torch.pow,
        0.3,
        2,
        [
            [0.0, 0.0],
            [0.0, 1.0],
            [0.0, 2.0],
            [-2.0, 3.0],
            [-2.0, 0.0],
            [2.0, -1.0],
            [1.0, inf],
            [nan, 0.0],
        ],
    )
    add(theme, "lerp", torch.lerp, randn(2, 3), randn(2, 3), randn(2, 3))
    bounds = [-1.0, 0.0, 1.0, 2.0, 0.5, nan, -inf, inf]
    add(theme, "clip", lambda x: torch.clamp(x, 0, 1), spread(2, 4))
    add(theme, "clip at edges", lambda x: torch.clamp(x, 0, 1), torch.tensor(bounds), edge=True)
    add(
        theme,
        "clip between tensors",
        torch.clamp,
        torch.tensor([-1.0, 0.5, 3.0, 0.2]),
        torch.tensor([0.0, 0.1, 0.3, -1.0]),
        torch.tensor([1.0, 1.1, 1.2, 0.7]),
    )
    add(
        theme,
        "clip between bounds in the wrong order",
        torch.clamp,
        torch.tensor([-1.0, 0.5, 3.0]),
        torch.tensor([2.0, 2.0, 2.0]),
        torch.tensor([1.0, 1.0, 1.0]),
        edge=True,
    )
    mask = torch.tensor([[True, False, True], [False, False, True]])
    add(theme, "maskedFill", lambda x: x.masked_fill(mask, -1.5), randn(2, 3))
    add(
        theme,
        "isClose",
        lambda x, y: torch.isclose(x, y).double(),
        torch.tensor([1.0, 1.0, inf, inf, nan, 0.0, 1.0]),
        torch.tensor([1.0 + 1e-6, 1.1, inf, -inf, nan, 1e-9, inf]),
        edge=True,
        derivative=False,
    )


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
    on(
        "std of equal elements",
        lambda x: x.std(1, unbiased=False),
        torch.tensor([[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]]),
        edge=True,
    )
    on(
        "std of one element",
        lambda x: x.std(1, unbiased=False),
        torch.tensor([[1.0], [2.0]]),
        edge=True,
    )
    on(
        "variance with a correction of one element",
        lambda x: x.var(1, unbiased=True),
        torch.tensor([[1.0]]),
        edge=True,
        derivative=False,
    )
    on("norm", lambda x: torch.linalg.vector_norm(x, 2, 1), x)
    on("norm of order 1", lambda x: torch.linalg.vector_norm(x, 1, 1), x)
    on("norm of order 3", lambda x: torch.linalg.vector_norm(x, 3, (0, 2)), x)
    on("norm of order 1/2", lambda x: torch.linalg.vector_norm(x, 0.5, 1), spread(2, 3, low=0.5))
    on("norm of order Infinity", lambda x: torch.linalg.vector_norm(x, inf, 1), x)
    on("norm of order -Infinity", lambda x: torch.linalg.vector_norm(x, -inf, 1), x)
    on(
        "norm of order 0",
        lambda x: torch.linalg.vector_norm(x, 0, 1),
        zeros,
        derivative=False,
        edge=True,
    )
    for order, name in [
        (2, "norm of order 2 of rows"),
        (1, "norm of order 1 of rows"),
        (3, "norm of order 3 of rows"),
        (inf, "norm of order Infinity of rows"),
        (-inf, "norm of order -Infinity of rows"),
    ]:
        rows = torch.tensor([[0.0, 0.0, 0.0], [0.0, 2.0, -2.0], [1.0, -3.0, 3.0]])
        on(name, lambda x, p=order: torch.linalg.vector_norm(x, p, 1), rows, edge=True)
    on("normalize", lambda x: F.normalize(x, dim=1), x)
    on("normalize of zeros", lambda x: F.normalize(x, dim=0), torch.tensor([0.0, 0.0]), edge=True)
    on(
        "cosineSimilarity",
        lambda x, y: F.cosine_similarity(x, y, dim=1),
        spread(3, 4),
        spread(3, 4),
    )
    on("pairwiseDistances", torch.cdist, spread(3, 4), spread(2, 4))
    on(
        "pairwiseDistances of order 1",
        lambda x, y: torch.cdist(x, y, 1),
        spread(3, 4),
        spread(2, 4),
    )
    on(
        "pairwiseDistances of equal points",
        torch.cdist,
        torch.tensor([[1.0, 1.0], [2.0, 2.0]]),
        torch.tensor([[1.0, 1.0]]),
        edge=True,
    )
    on("cov", torch.cov, spread(3, 5))
    on(
        "logSumExp of infinities",
        lambda x: torch.logsumexp(x, 1),
        torch.tensor([[-inf, -inf], [inf, 0.0], [-inf, 2.0], [1000.0, 1000.0]]),
        edge=True,
    )
    on("max at ties", lambda x: x.amax(1), ties, edge=True)
    on("min at ties", lambda x: x.amin(1), ties, edge=True)
    on("argmin", lambda x: x.argmin(1).int(), ties[:, [0, 1, 4, 5]], derivative=False, edge=True)
    on("any", lambda x: x.any(1), zeros, derivative=False)
    on("all", lambda x: x.all(1), zeros, derivative=False)
    on("countNonzero", lambda x: torch.count_nonzero(x, 1), zeros, derivative=False)

    for name, f in {
        "cumsum": torch.cumsum,
        "cumprod": torch.cumprod,
        "logCumSumExp": torch.logcumsumexp,
    }.items():
        on(name, lambda x, f=f: f(x, 1), spread(2, 5, low=0.5))
        on(f"{name} along the first axis", lambda x, f=f: f(x, 0), spread(3, 2, low=0.5))
        on(f"{name}, reversed", lambda x, f=f: f(x.flip(1), 1).flip(1), spread(2, 5, low=0.5))
    for name, f in {"cummax": torch.cummax, "cummin": torch.cummin}.items():
        on(name, lambda x, f=f: f(x, 1)[0], spread(2, 5))
        on(f"{name}, reversed", lambda x, f=f: f(x.flip(1), 1)[0].flip(1), spread(2, 5))
        on(f"{name} at ties", lambda x, f=f: f(x, 1)[0], ties, edge=True)
        on(f"{name} of NaN and infinities", lambda x, f=f: f(x, 1)[0], with_nan, edge=True)
    on("cumprod of rows with zeros", lambda x: torch.cumprod(x, 1), zeros)
    on(
        "logCumSumExp of infinities",
        lambda x: torch.logcumsumexp(x, 1),
        torch.tensor([[-inf, -inf, 2.0, 1000.0, 0.0]]),
        edge=True,
    )
    on("diff", lambda x: torch.diff(x, dim=1), x)
    on("diff of order 2", lambda x: torch.diff(x, n=2, dim=2), x)

    on("sort", lambda x: torch.sort(x, 1)[0], spread(2, 5))
    on("sort, descending, along the first axis", lambda x: torch.sort(x, 0, True)[0], spread(3, 2))
    on("sort at ties", lambda x: torch.sort(x, dim=1, stable=True)[0], ties, edge=True)
    on(
        "sort, descending, at ties",
        lambda x: torch.sort(x, dim=1, descending=True, stable=True)[0],
        ties,
        edge=True,
    )
    on(
        "sort of NaN and infinities",
        lambda x: torch.sort(x, dim=1, stable=True)[0],
        with_nan,
        edge=True,
    )
    on(
        "sort, descending, of NaN and infinities",
        lambda x: torch.sort(x, dim=1, descending=True, stable=True)[0],
        with_nan,
        edge=True,
    )
    on("argsort", lambda x: torch.sort(x, dim=1, stable=True)[1].int(), ties, derivative=False)
    on(
        "argsort, descending",
        lambda x: torch.sort(x, dim=1, descending=True, stable=True)[1].int(),
        ties,
        derivative=False,
    )
    on("topK", lambda x: torch.topk(x, 2, 1)[0], spread(3, 5))
    on("topK, smallest", lambda x: torch.topk(x, 2, 0, largest=False)[0], spread(3, 5))
    on("topK places", lambda x: torch.topk(x, 2, 1)[1].int(), spread(3, 5), derivative=False)
    on("median", lambda x: torch.quantile(x, 0.5, 1), spread(2, 5))
    on("median of an even number", lambda x: torch.quantile(x, 0.5), spread(2, 3))
    on("quantile", lambda x: torch.quantile(x, torch.tensor([0.0, 0.3, 0.9, 1.0]), 1), spread(2, 5))
    on(
        "quantile of NaN",
        lambda x: torch.quantile(x, 0.5, 1),
        torch.tensor([[1.0, nan, 2.0], [1.0, 2.0, 3.0]]),
        edge=True,
    )
    on(
        "searchSorted",
        lambda v: torch.searchsorted(torch.tensor([1.0, 2.0, 2.0, 4.0]), v).int(),
        torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
        derivative=False,
    )
    on(
        "searchSorted, right",
        lambda v: torch.searchsorted(torch.tensor([1.0, 2.0, 2.0, 4.0]), v, right=True).int(),
        torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
        derivative=False,
    )


def movement():
    theme = "movement"

    def on(name, f, *inputs, **how):
        add(theme, name, f, *inputs, **how)

    def by_numpy(f):
        """A movement by NumPy: it moves the places, and PyTorch reads there."""
        return lambda x: x.flatten()[
            torch.from_numpy(f(numpy.arange(x.numel()).reshape(x.shape)).copy())
        ]

    x = spread(2, 3, 4)
    row = spread(4)
    on("moveAxis", lambda x: x.movedim(0, 2), x)
    on("swapAxes", lambda x: x.swapaxes(0, 2), x)
    on("flatten", torch.flatten, x)
    on("flatten of the last axes", lambda x: torch.flatten(x, 1), x)
    on("roll", lambda x: torch.roll(x, 5), x)
    on("roll along axes", lambda x: torch.roll(x, (1, -2), (0, 2)), x)
    on("tile", lambda x: x.tile((2, 1, 3)), spread(2, 3))
    on("tile of fewer copies than axes", lambda x: x.tile((2,)), spread(2, 3))
    on("repeat", lambda x: x.repeat_interleave(2, 1), spread(2, 3))
    on(
        "repeat, each its own times",
        lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 1),
        spread(2, 3),
    )
    on("chunk", lambda x: torch.chunk(x, 3, 1)[1], spread(2, 7))
    on("chunk, the last", lambda x: torch.chunk(x, 3, 1)[2], spread(2, 7))
    for times in [1, 2, 3]:
        on(f"rot90, {times} times", lambda x, n=times: torch.rot90(x, n, (0, 1)), spread(2, 3))
    on("slidingWindows", lambda x: x.unfold(1, 3, 2), spread(2, 7))
    on("slidingWindows of the first axis", lambda x: x.unfold(0, 2, 1), spread(4, 3))
    on("slidingWindows of one element", lambda x: x.unfold(0, 1, 2), spread(4))
    on(
        "broadcastTensors",
        lambda x, y: torch.broadcast_tensors(x, y)[0] * y,
        spread(3, 1),
        spread(2),
    )
    for mode, name in [("reflect", "reflect"), ("edge", "edge"), ("wrap", "wrap")]:
        on(
            f"pad, {name}",
            by_numpy(lambda i, m=mode: numpy.pad(i, ((1, 2), (0, 3)), m)),
            spread(3, 4),
        )
    on(
        "pad, reflect, further than the axis is long",
        by_numpy(lambda i: numpy.pad(i, ((7, 5),), "reflect")),
        spread(3),
    )
    on(
        "pad, reflect, one element",
        by_numpy(lambda i: numpy.pad(i, ((2, 1),), "reflect")),
        spread(1),
    )

    places = torch.tensor([[2, 0], [1, 1]])
    on("takeAlongAxis", lambda x, i: torch.gather(x, 1, i.long()), spread(2, 3), places.int())
    on(
        "takeAlongAxis of the first axis",
        lambda x, i: torch.gather(x, 0, i.long()),
        spread(3, 2),
        places.int(),
    )
    on(
        "takeAlongAxis in the middle",
        lambda x, i: torch.gather(x, 1, i.long()),
        spread(2, 3, 2),
        torch.randint(3, (2, 4, 2), generator=generator).int(),
    )
    symbols = torch.tensor([[2, 0, 2], [1, 1, 3]]).int()
    on("embeddingLookup", lambda x, i: F.embedding(i.long(), x), spread(4, 3), symbols)
    on(
        "embeddingLookup with padding",
        lambda x, i: F.embedding(i.long(), x, padding_idx=2),
        spread(4, 3),
        symbols,
        edge=True,
    )
    on(
        "putAlongAxis",
        lambda x, v: x.scatter(1, torch.tensor([[2, 0], [1, 2]]), v),
        spread(2, 3),
        spread(2, 2),
    )
    on(
        "putAlongAxis of a number",
        lambda x: x.scatter(1, torch.tensor([[2, 0], [1, 2]]), 7.0),
        spread(2, 3),
    )
    # Of values for one place PyTorch on one thread keeps the last.
    on(
        "putAlongAxis at one place",
        lambda x, v: torch.cat([v[:, 2:], x[:, 1:2], v[:, 1:2]], 1),
        spread(2, 3),
        spread(2, 3),
    )
    on("scatter", lambda x, v: x.index_copy(0, torch.tensor([3, 1]), v), spread(4, 2), spread(2, 2))
    on(
        "scatter along the last axis",
        lambda x, v: x.index_copy(1, torch.tensor([2, 0]), v),
        spread(2, 3),
        spread(2, 2),
    )
    on(
        "scatter at one place",
        lambda x, v: torch.stack([x[0], v[2], x[2]]),
        spread(3, 2),
        spread(3, 2),
    )
    on("select", lambda x: x.select(1, 2), x)
    on("select, from the back", lambda x: x.select(0, -1), x)
    on("binCount", lambda i: torch.bincount(i, minlength=5).int(), ints([0, 3, 3, 1]))
    on(
        "binCount with weights",
        lambda w: torch.bincount(torch.tensor([0, 3, 3, 1]), w.detach(), 5),
        spread(4),
        derivative=False,
    )
    on("tril", torch.tril, spread(2, 3, 4))
    on("tril below the diagonal", lambda x: torch.tril(x, -1), spread(3, 4))
    on("triu", lambda x: torch.triu(x, 1), spread(3, 4))
    on("diagonal", torch.diagonal, spread(3, 4))
    on("diagonal above, of other axes", lambda x: torch.diagonal(x, 1, 0, 2), x)
    on("diagonal below", lambda x: torch.diagonal(x, -1), spread(4, 2))
    on("diag", torch.diag, row)
    on("diag above", lambda x: torch.diag(x, 2), row)
    on("diag below", lambda x: torch.diag(x, -1), row)
    on("diag of rows", lambda x: torch.diag_embed(x), spread(2, 3))
    on("matrixTrace", torch.trace, spread(3, 4))


def activations():
    theme = "activations"
    corners = [3.0, -3.0, 6.0, 100.0, -100.0, 1000.0, -1000.0]
    functions = {
        "relu": F.relu,
        "relu6": F.relu6,
        "hardTanh": F.hardtanh,
        "hardTanh between other bounds": lambda x: F.hardtanh(x, -0.5, 2.0),
        "hardSigmoid": F.hardsigmoid,
        "hardSwish": F.hardswish,
        "leakyRelu": F.leaky_relu,
        "elu": F.elu,
        "elu with alpha 2": lambda x: F.elu(x, 2.0),
        "celu with alpha 2": lambda x: F.celu(x, 2.0),
        "selu": F.selu,
        "softShrink": F.softshrink,
        "hardShrink": F.hardshrink,
        "threshold": lambda x: F.threshold(x, 0.5, 9.0),
        "silu": F.silu,
        "gelu": F.gelu,
        "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
        "mish": F.mish,
        "softsign": F.softsign,
        "tanhShrink": F.tanhshrink,
        "sigmoid": torch.sigmoid,
        "logSigmoid": F.logsigmoid,
        "softplus": F.softplus,
    }
    # Multiplying by 1/6 in float32, PyTorch is off in the eighth digit: written out.
    functions["hardSigmoid"] = lambda x: F.relu6(x + 3) / 6
    # Above 20 PyTorch's softplus is x, without the rest e^-20.
    functions["softplus"] = lambda x: F.softplus(x, threshold=700.0)
    # hardSwish: PyTorch's derivative at 3 is 1 or 3/2, depending on the size of the tensor.
    # softShrink: this PyTorch makes 0 of NaN; later ones keep it.
    skips = {"hardSwish": [3.0]}
    for name, f in functions.items():
        at = torch.tensor([x for x in [*EDGES, *corners] if name != "softShrink" or x == x])
        add(theme, name, f, spread(2, 4, low=-1.95, high=1.9))
        skip = [i for i, x in enumerate(at.tolist()) if x in skips.get(name, [])]
        add(theme, f"{name} at edges", f, at, edge=True, skip=skip)
    add(theme, "prelu", lambda x, w: F.prelu(x, w), spread(3, 4), torch.tensor([0.3]))
    add(
        theme,
        "prelu at 0",
        lambda x, w: F.prelu(x, w),
        torch.tensor([[0.0, -1.0, 1.0]]),
        torch.tensor([0.3]),
        edge=True,
    )
    add(
        theme,
        "heaviside",
        lambda x: torch.heaviside(x, torch.tensor([0.25])),
        torch.tensor([0.0, -0.0, 3.0, -2.0, inf, -inf]),
        derivative=False,
        edge=True,
    )
    add(theme, "glu", lambda x: F.glu(x, 1), spread(2, 4))
    rows = torch.tensor(
        [[-inf, 0.0, 1.0], [-inf, -inf, -inf], [1000.0, 999.0, -1000.0], [inf, 0.0, 1.0]]
    )
    for name, f in {
        "softmax": F.softmax,
        "logSoftmax": F.log_softmax,
        "softmin": F.softmin,
    }.items():
        add(theme, name, lambda x, f=f: f(x, dim=1), spread(2, 4))
        add(theme, f"{name} along the first axis", lambda x, f=f: f(x, dim=0), spread(3, 2))
        add(
            theme,
            f"{name} at edges",
            lambda x, f=f: f(x, dim=1),
            -rows if name == "softmin" else rows[:3] if name == "logSoftmax" else rows,
            edge=True,
            derivative=False,
        )


def windows():
    theme = "windows"

    def on(name, f, *inputs, **how):
        add(theme, name, f, *inputs, **how)

    x1, x2 = spread(2, 4, 7), spread(2, 4, 5, 6)
    on("conv1d", F.conv1d, x1, spread(3, 4, 3))
    on(
        "conv1d with stride, padding, dilation",
        lambda x, w: F.conv1d(x, w, stride=2, padding=2, dilation=2),
        x1,
        spread(3, 4, 3),
    )
    on("conv1d in groups", lambda x, w: F.conv1d(x, w, groups=2), x1, spread(6, 2, 2))
    on("conv1d, same", lambda x, w: F.conv1d(x, w, padding="same"), x1, spread(3, 4, 4))
    on(
        "conv1d, same, with stride",
        lambda x, w: F.conv1d(F.pad(x, (1, 1)), w, stride=3),
        x1,
        spread(2, 4, 3),
    )
    on("conv1d, valid", lambda x, w: F.conv1d(x, w, padding="valid"), x1, spread(3, 4, 1))
    on("conv2d", F.conv2d, x2, spread(3, 4, 2, 3))
    on(
        "conv2d with stride, padding, dilation",
        lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
        x2,
        spread(2, 4, 3, 2),
    )
    on(
        "conv2d, depthwise",
        lambda x, w: F.conv2d(x, w, groups=4),
        spread(1, 4, 4, 4),
        spread(8, 1, 2, 2),
    )
    on(
        "conv2d, same",
        lambda x, w: F.conv2d(x, w, padding="same"),
        spread(1, 2, 4, 5),
        spread(2, 2, 2, 3),
    )
    on("convTranspose1d", F.conv_transpose1d, x1, spread(4, 3, 3))
    on(
        "convTranspose1d with everything",
        lambda x, w: F.conv_transpose1d(
            x, w, stride=3, padding=2, output_padding=1, groups=2, dilation=2
        ),
        spread(2, 4, 5),
        spread(4, 2, 3),
    )
    on(
        "convTranspose1d, cut by more than it reaches",
        lambda x, w: F.conv_transpose1d(x, w, stride=2, padding=2),
        spread(1, 2, 6),
        spread(2, 2, 2),
    )
    on(
        "convTranspose2d",
        lambda x, w: F.conv_transpose2d(x, w, stride=(2, 1), padding=(0, 1)),
        spread(1, 2, 3, 4),
        spread(2, 3, 2, 3),
    )
    on("maxPool1d", lambda x: F.max_pool1d(x, 2), x1)
    on(
        "maxPool1d with stride, padding, dilation",
        lambda x: F.max_pool1d(x, 3, stride=2, padding=1, dilation=2),
        x1,
    )
    on(
        "maxPool1d at ties",
        lambda x: F.max_pool1d(x, 3, 1),
        torch.tensor([[[2.0, 2.0, 2.0, 1.0, 2.0, 3.0]]]),
        edge=True,
    )
    on(
        "maxPool1d of -Infinity",
        lambda x: F.max_pool1d(x, 2, 1, 1),
        torch.tensor([[[-inf, -inf, 0.0]]]),
        edge=True,
        derivative=False,
    )
    on(
        "maxPool2d",
        lambda x: F.max_pool2d(x, (2, 3), stride=(1, 2), padding=(1, 0)),
        spread(2, 2, 4, 5),
    )
    on("avgPool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), x1)
    on(
        "avgPool1d without padding in the count",
        lambda x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False),
        x1,
    )
    on("avgPool2d", lambda x: F.avg_pool2d(x, 2), spread(2, 2, 4, 5))
    on(
        "avgPool2d without padding in the count",
        lambda x: F.avg_pool2d(x, (3, 2), 2, (1, 1), count_include_pad=False),
        spread(1, 2, 4, 5),
    )


def products():
    theme = "products"

    def on(name, f, *inputs, **how):
        add(theme, name, f, *inputs, **how)

    for formula, *shapes in [
        ("ij->ji", (2, 3)),
        ("ij->", (2, 3)),
        ("ij->i", (2, 3)),
        ("ii", (3, 3)),
        ("ii->i", (3, 3)),
        ("iij->j", (2, 2, 3)),
        ("i,i->", (3,), (3,)),
        ("i,j->ij", (2,), (3,)),
        ("i,j", (2,), (3,)),
        ("ij,jk", (2, 3), (3, 2)),
        ("ba,ac", (2, 3), (3, 2)),
        ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
        ("bij,bkj->bki", (2, 2, 3), (2, 4, 3)),
        ("ij,ij->ij", (2, 3), (2, 3)),
        ("ij,ik,il->jkl", (2, 3), (2, 2), (2, 2)),
        ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)),
        ("ij,k->i", (2, 3), (4,)),
        ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
        ("...i,...i", (2, 3), (3,)),
        ("i...,i->...", (3, 2, 2), (3,)),
        ("ij,ij->i", (1, 3), (2, 3)),
        (",i->i", (), (3,)),
    ]:
        on(
            f"einsum {formula}",
            lambda *x, f=formula: torch.einsum(f, *x),
            *[spread(*s) for s in shapes],
        )
    on("tensordot", lambda x, y: torch.tensordot(x, y, 2), spread(2, 3, 4), spread(3, 4, 2))
    on("tensordot over no axes", lambda x, y: torch.tensordot(x, y, 0), spread(2), spread(3))
    on(
        "tensordot over named axes",
        lambda x, y: torch.tensordot(x, y, ([1, 0], [0, 2])),
        spread(2, 3, 2),
        spread(3, 2, 2),
    )
    on("kron", torch.kron, spread(2, 3), spread(2, 2))
    on("kron of other ranks", torch.kron, spread(3), spread(2, 2))
    on("cross", lambda x, y: torch.cross(x, y, dim=-1), spread(2, 3), spread(2, 3))
    on(
        "cross along the first axis",
        lambda x, y: torch.cross(x, y, dim=0),
        spread(3, 2),
        spread(3, 2),
    )
    for n in [0, 1, 5]:
        on(
            f"matrixPower {n}",
            lambda x, n=n: torch.linalg.matrix_power(x, n) + 0 * x,
            spread(2, 2, 2),
        )
    on("outer", torch.outer, spread(2), spread(3))
    on("dot", torch.dot, spread(3), spread(3))


def creation():
    theme = "creation"
    nothing = torch.tensor(0.0)
    for name, value in {
        "linspace": torch.linspace(-1, 2, 7),
        "linspace of one": torch.linspace(3, 9, 1),
        "linspace without its end": torch.from_numpy(numpy.linspace(0, 1, 5, endpoint=False)),
        "logspace": torch.logspace(-2, 3, 6),
        "logspace to base 2": torch.logspace(0, 5, 6, base=2),
        "tri": torch.from_numpy(numpy.tri(3, 4, 1)),
        "tri below": torch.from_numpy(numpy.tri(3, k=-1)),
        "meshgrid": torch.stack(
            torch.meshgrid(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0]), indexing="ij")
        ),
        "meshgrid by columns and rows": torch.stack(
            torch.meshgrid(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0]), indexing="xy")
        ),
        "onesLike": torch.ones(2, 3),
    }.items():
        add(theme, name, lambda x, v=value: v.double(), nothing, derivative=False)


def write():
    text = json.dumps(themes, separators=(",", ":"))
    Path(__file__).with_name("ops.json").write_text(text + "\n")
    print({name: len(cases) for name, cases in themes.items()}, len(text), "bytes")


if __name__ == "__main__":
    pointwise()
    reductions()
    movement()
    activations()
    windows()
    products()
    creation()
    write()
