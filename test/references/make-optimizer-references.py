"""Writes optimizers.json and schedules.json: paths of optimizers and values of schedules, in float64.

The tests in test/optim compare with them to 1e-10. Made with PyTorch 1.13 and NumPy 1.24:

    /usr/bin/python3 test/references/make-optimizer-references.py && pnpm oxfmt test/references

What PyTorch 1.13 has is computed by PyTorch. The other optimizers are written here in NumPy, from the
algorithms of their papers, which are named beside them. Gradients are PyTorch's in both cases.

All of them go down the loss mean((tanh(x W + b) U s - y)^2) for 25 steps, from the same parameters: a tall
matrix W, a vector b, a wide matrix U and a number s.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler, swa_utils

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)

STEPS = 25
# Where paths are compared: a mistake shows in all that follows it.
KEPT = (1, 2, 3, 6, 12, 25)

start = {
    "layer": {"W": torch.randn(3, 2), "b": torch.randn(2)},
    "U": torch.randn(2, 4),
    "s": torch.tensor(1.5),
}
problem = {"x": torch.randn(6, 3), "y": 2 * torch.rand(6, 4)}


def plain(value):
    """Tensors and arrays as nested lists of numbers."""
    if isinstance(value, torch.Tensor):
        return value.detach().tolist()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def leaves(tree):
    """The tensors of a tree of dicts by name; names are unique."""
    found = {}
    for name, value in tree.items():
        found.update(leaves(value) if isinstance(value, dict) else {name: value})
    return found


def tree_of(params):
    return {"layer": {"W": params["W"], "b": params["b"]}, "U": params["U"], "s": params["s"]}


def copied(params):
    return {k: np.array(plain(v)) for k, v in params.items()}


def loss_of(params):
    h = torch.tanh(problem["x"] @ params["W"] + params["b"])
    return ((h @ params["U"] * params["s"] - problem["y"]) ** 2).mean()


# ----- PyTorch -----


def torch_path(make, before=lambda params: None, after=lambda params: None, steps=STEPS, kept=KEPT):
    """Parameters on the way. before changes gradients; after may return other parameters to write down."""
    params = {k: v.clone().requires_grad_() for k, v in leaves(start).items()}
    optimizer = make(params)
    path = []
    for step in range(1, steps + 1):

        def closure():
            optimizer.zero_grad()
            loss = loss_of(params)
            loss.backward()
            before(params)
            return loss

        optimizer.step(closure)
        seen = after(params) or params
        if step in kept:
            path.append(tree_of(copied(seen)))
    return path


def plainly(optimizer, **options):
    return lambda params: optimizer(list(params.values()), **options)


def scheduled(optimizer, schedule, **options):
    """An optimizer with a schedule that goes on after each step."""

    def make(params):
        made = optimizer(list(params.values()), **options)
        schedule_of = schedule(made)
        step = made.step

        def step_both(closure):
            step(closure)
            schedule_of.step()

        made.step = step_both
        return made

    return make


def clip_global(limit):
    def before(params):
        # Written out: torch's own adds 1e-6 to the norm.
        norm = math.sqrt(sum((p.grad**2).sum().item() for p in params.values()))
        for p in params.values():
            p.grad *= min(1.0, limit / norm)

    return before


def clip_value(limit):
    return lambda params: torch.nn.utils.clip_grad_value_(list(params.values()), limit)


def clip_norm(limit):
    def before(params):
        for p in params.values():
            p.grad *= min(1.0, limit / p.grad.norm().item())

    return before


class Named(torch.nn.Module):
    """Parameters as a module, for AveragedModel."""

    def __init__(self, params):
        super().__init__()
        for name, value in params.items():
            setattr(self, name, torch.nn.Parameter(value.detach().clone()))


def averaged(start_at=1, every=1, **options):
    """Writes down the mean of AveragedModel."""
    state = {"step": 0, "mean": None}

    def after(params):
        state["step"] += 1
        if state["mean"] is None:
            state["mean"] = swa_utils.AveragedModel(Named(params), **options)
        if state["step"] < start_at:
            return params
        if (state["step"] - start_at) % every == 0:
            state["mean"].update_parameters(Named(params))
        return dict(state["mean"].module.named_parameters())

    return after


def asgd_mean():
    """An ASGD optimizer, and what writes down its mean."""
    made = {}

    def make(params):
        made["optimizer"] = torch.optim.ASGD(params.values(), lr=0.2, lambd=0.05, alpha=0.6, t0=4)
        return made["optimizer"]

    def after(params):
        return {k: made["optimizer"].state[p]["ax"] for k, p in params.items()}

    return torch_path(make, after=after)


def grouped(params):
    return torch.optim.Adam(
        [
            {"params": [params["b"]], "lr": 0.2},
            {"params": [params["W"], params["U"]], "lr": 0.02, "weight_decay": 0.1},
        ]
    )


def torch_paths():
    o = torch.optim
    return {
        "sgd": torch_path(plainly(o.SGD, lr=0.3)),
        "sgdDecay": torch_path(plainly(o.SGD, lr=0.3, weight_decay=0.1)),
        "sgdMomentum": torch_path(plainly(o.SGD, lr=0.1, momentum=0.9)),
        "sgdNesterov": torch_path(plainly(o.SGD, lr=0.1, momentum=0.8, nesterov=True)),
        "sgdDampening": torch_path(
            plainly(o.SGD, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.05)
        ),
        "rmsprop": torch_path(plainly(o.RMSprop)),
        "rmspropMomentum": torch_path(
            plainly(o.RMSprop, lr=0.02, alpha=0.9, eps=1e-4, momentum=0.7, weight_decay=0.05)
        ),
        "rmspropCentered": torch_path(
            plainly(o.RMSprop, lr=0.02, alpha=0.8, eps=1e-3, centered=True, momentum=0.5)
        ),
        "adagrad": torch_path(plainly(o.Adagrad)),
        "adagradOptions": torch_path(
            plainly(
                o.Adagrad,
                lr=0.2,
                lr_decay=0.1,
                weight_decay=0.05,
                initial_accumulator_value=0.1,
                eps=1e-4,
            )
        ),
        "adadelta": torch_path(plainly(o.Adadelta)),
        "adadeltaOptions": torch_path(
            plainly(o.Adadelta, lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.05)
        ),
        "adam": torch_path(plainly(o.Adam)),
        "adamOptions": torch_path(
            plainly(o.Adam, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)
        ),
        "amsgrad": torch_path(plainly(o.Adam, lr=0.1, betas=(0.5, 0.7), amsgrad=True)),
        "adamW": torch_path(plainly(o.AdamW)),
        "adamWOptions": torch_path(
            plainly(
                o.AdamW, lr=0.1, betas=(0.8, 0.6), eps=1e-3, weight_decay=0.3, amsgrad=True
            )
        ),
        "adamax": torch_path(plainly(o.Adamax)),
        "adamaxOptions": torch_path(
            plainly(o.Adamax, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)
        ),
        "radam": torch_path(plainly(o.RAdam)),
        "radamOptions": torch_path(
            plainly(o.RAdam, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)
        ),
        "rprop": torch_path(plainly(o.Rprop)),
        "rpropOptions": torch_path(
            plainly(o.Rprop, lr=0.05, etas=(0.4, 1.5), step_sizes=(0.01, 0.1))
        ),
        "asgd": torch_path(plainly(o.ASGD, lr=0.2, lambd=0.05, alpha=0.6, t0=4, weight_decay=0.02)),
        "asgdMean": asgd_mean(),
        # One update is 20 iterations; with as many more, rounding grows beyond 1e-10.
        "lbfgs": torch_path(plainly(o.LBFGS, line_search_fn="strong_wolfe"), steps=1, kept=(1,)),
        "lbfgsSteps": torch_path(
            plainly(o.LBFGS, lr=0.5, max_iter=1, line_search_fn="strong_wolfe")
        ),
        "lbfgsOptions": torch_path(
            plainly(
                o.LBFGS,
                lr=0.7,
                max_iter=2,
                history_size=3,
                line_search_fn="strong_wolfe",
            ),
            steps=12,
            kept=(1, 2, 3, 6, 12),
        ),
        "clipByGlobalNorm": torch_path(
            plainly(o.SGD, lr=0.1, momentum=0.9), before=clip_global(0.1)
        ),
        "clipByNorm": torch_path(plainly(o.SGD, lr=0.1, momentum=0.9), before=clip_norm(0.05)),
        "clipByValue": torch_path(plainly(o.SGD, lr=0.1, momentum=0.9), before=clip_value(0.02)),
        "partition": torch_path(grouped),
        "stochasticWeightAverage": torch_path(
            plainly(o.SGD, lr=0.3), after=averaged(start_at=5, every=3)
        ),
        "exponentialAverage": torch_path(
            plainly(o.SGD, lr=0.3),
            after=averaged(avg_fn=lambda mean, x, n: 0.9 * mean + 0.1 * x),
        ),
        "scheduled": torch_path(
            scheduled(
                o.SGD,
                lambda made: lr_scheduler.OneCycleLR(made, max_lr=0.4, total_steps=STEPS + 1),
                lr=0.1,
                momentum=0.9,
            )
        ),
        "scheduledAdamW": torch_path(
            scheduled(
                o.AdamW,
                lambda made: lr_scheduler.CosineAnnealingLR(made, T_max=STEPS),
                lr=0.1,
                weight_decay=0.2,
            )
        ),
    }


# ----- NumPy -----


def gradients(params):
    at = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    loss_of(at).backward()
    return {k: v.grad.numpy() for k, v in at.items()}


def numpy_path(update, seen=lambda params: params):
    """update(params, grads, t) changes the arrays of params in place; t counts from 1."""
    params = copied(leaves(start))
    path = []
    for t in range(1, STEPS + 1):
        update(params, gradients(params), t)
        if t in KEPT:
            path.append(tree_of(copied(seen(params))))
    return path


def zeros():
    return {k: np.zeros(v.shape) for k, v in leaves(start).items()}


def nadam(lr=0.002, b1=0.9, b2=0.999, eps=1e-8, decay=0.0, psi=0.004):
    """Dozat 2016, algorithm 2 with the schedule mu_t = b1 (1 - 0.96^(psi t) / 2), m with the constant b1.

    PyTorch 1.13 multiplies mu_t twice into the product for t + 1, which later versions do not.
    """
    m, v = zeros(), zeros()
    state = {"product": 1.0}

    def mu(t):
        return b1 * (1 - 0.5 * 0.96 ** (t * psi))

    def update(params, grads, t):
        state["product"] *= mu(t)
        for k, x in params.items():
            g = grads[k] + decay * x
            m[k] = b1 * m[k] + (1 - b1) * g
            v[k] = b2 * v[k] + (1 - b2) * g**2
            ahead = mu(t + 1) * m[k] / (1 - state["product"] * mu(t + 1))
            now = (1 - mu(t)) * g / (1 - state["product"])
            x -= lr * (ahead + now) / (np.sqrt(v[k] / (1 - b2**t)) + eps)

    return numpy_path(update)


def lion(lr=1e-4, b1=0.9, b2=0.99, decay=0.0):
    """Chen et al. 2023, arXiv:2302.06675, algorithm 2."""
    m = zeros()

    def update(params, grads, t):
        for k, x in params.items():
            c = b1 * m[k] + (1 - b1) * grads[k]
            x -= lr * (np.sign(c) + decay * x)
            m[k] = b2 * m[k] + (1 - b2) * grads[k]

    return numpy_path(update)


def lamb(lr=1e-3, b1=0.9, b2=0.999, eps=1e-6, decay=0.0):
    """You et al. 2020, arXiv:1904.00962, algorithm 2 with phi(z) = z."""
    m, v = zeros(), zeros()

    def update(params, grads, t):
        for k, x in params.items():
            m[k] = b1 * m[k] + (1 - b1) * grads[k]
            v[k] = b2 * v[k] + (1 - b2) * grads[k] ** 2
            r = (m[k] / (1 - b1**t)) / (np.sqrt(v[k] / (1 - b2**t)) + eps)
            u = r + decay * x
            x -= lr * np.sqrt(np.sum(x**2)) / np.sqrt(np.sum(u**2)) * u

    return numpy_path(update)


def adafactor(lr=None, c=0.8, eps1=1e-30, eps2=1e-3, d=1.0, decay=0.0, scale=True):
    """Shazeer and Stern 2018, arXiv:1804.04235, algorithm 4 for matrices, 5 for others; sums as there."""
    row = {k: np.zeros(v.shape[0]) for k, v in leaves(start).items() if v.dim() == 2}
    column = {k: np.zeros(v.shape[1]) for k, v in leaves(start).items() if v.dim() == 2}
    full = zeros()

    def rms(x):
        return np.sqrt(np.mean(x**2))

    def update(params, grads, t):
        beta = 1 - t**-c
        rho = min(1e-2, 1 / math.sqrt(t)) if lr is None else lr
        for k, x in params.items():
            squares = grads[k] ** 2 + eps1
            if x.ndim == 2:
                row[k] = beta * row[k] + (1 - beta) * squares.sum(axis=1)
                column[k] = beta * column[k] + (1 - beta) * squares.sum(axis=0)
                v = np.outer(row[k], column[k]) / row[k].sum()
            else:
                full[k] = v = beta * full[k] + (1 - beta) * squares
            u = grads[k] / np.sqrt(v)
            u = u / max(1.0, rms(u) / d)
            alpha = (max(eps2, rms(x)) if scale else 1.0) * rho
            x -= alpha * u + rho * decay * x

    return numpy_path(update)


def newton_schulz(g, steps=5):
    """Jordan et al. 2024, "Muon", newtonschulz5, for a matrix [outputs, inputs]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (np.linalg.norm(g) + 1e-7)
    transposed = g.shape[0] > g.shape[1]
    if transposed:
        x = x.T
    for _ in range(steps):
        A = x @ x.T
        x = a * x + (b * A + c * A @ A) @ x
    return x.T if transposed else x


def muon(lr=0.02, mu=0.95, nesterov=True, decay=0.0, others=0.1):
    """Jordan et al. 2024, "Muon", algorithm 2; SGD for what is no matrix."""
    buffer = zeros()

    def update(params, grads, t):
        for k, x in params.items():
            if x.ndim != 2:
                x -= others * grads[k]
                continue
            buffer[k] = mu * buffer[k] + grads[k]
            ahead = grads[k] + mu * buffer[k] if nesterov else buffer[k]
            o = newton_schulz(ahead.T).T  # [inputs, outputs] here
            scale = math.sqrt(max(1.0, x.shape[1] / x.shape[0]))
            x -= lr * (scale * o + decay * x)

    return numpy_path(update)


def schedule_free_sgd(lr, beta=0.9, decay=0.0, warmup=1):
    """Defazio et al. 2024, arXiv:2405.15682, eqs. 3-5 with weights lr^2. The path is of x, not of y."""
    z, x = copied(leaves(start)), copied(leaves(start))
    state = {"sum": 0.0}

    def update(params, grads, t):
        gamma = lr * min(1.0, t / warmup)
        state["sum"] += gamma**2
        c = gamma**2 / state["sum"]
        for k, y in params.items():
            z[k] = z[k] - gamma * (grads[k] + decay * y)
            x[k] = (1 - c) * x[k] + c * z[k]
            y[...] = (1 - beta) * z[k] + beta * x[k]

    return numpy_path(update, seen=lambda params: x)


def schedule_free_adamw(lr=0.0025, b1=0.9, b2=0.999, eps=1e-8, decay=0.0, warmup=1):
    """Defazio et al. 2024, arXiv:2405.15682, algorithm 1. The path is of x, not of y."""
    z, x, v = copied(leaves(start)), copied(leaves(start)), zeros()
    state = {"sum": 0.0}

    def update(params, grads, t):
        gamma = lr * math.sqrt(1 - b2**t) * min(1.0, t / warmup)
        state["sum"] += gamma**2
        c = gamma**2 / state["sum"]
        for k, y in params.items():
            v[k] = b2 * v[k] + (1 - b2) * grads[k] ** 2
            z[k] = z[k] - gamma * (grads[k] / (np.sqrt(v[k]) + eps) + decay * y)
            x[k] = (1 - c) * x[k] + c * z[k]
            y[...] = (1 - b1) * z[k] + b1 * x[k]

    return numpy_path(update, seen=lambda params: x)


def lookahead(lr, k, alpha):
    """Zhang et al. 2019, arXiv:1907.08610, algorithm 1, around SGD."""
    slow = copied(leaves(start))

    def update(params, grads, t):
        for name, fast in params.items():
            fast -= lr * grads[name]
            if t % k == 0:
                slow[name] = slow[name] + alpha * (fast - slow[name])
                fast[...] = slow[name]

    return numpy_path(update)


def sam(lr, rho, adaptive=False):
    """Foret et al. 2021, arXiv:2010.01412, algorithm 1; Kwon et al. 2021, arXiv:2102.11600, algorithm 1."""

    def update(params, grads, t):
        unit = {k: np.abs(x) + 0.01 if adaptive else np.ones(x.shape) for k, x in params.items()}
        norm = math.sqrt(sum(np.sum((unit[k] * g) ** 2) for k, g in grads.items()))
        above = {k: x + rho * unit[k] ** 2 * grads[k] / norm for k, x in params.items()}
        at = gradients(above)
        for k, x in params.items():
            x -= lr * at[k]

    return numpy_path(update)


def prodigy(gamma=1.0, b1=0.9, b2=0.999, eps=1e-8, d0=1e-6, decay=0.0, warmup=1):
    """Mishchenko and Defazio 2024, arXiv:2306.06101, algorithm 4, with decoupled decay."""
    first = copied(leaves(start))
    m, v, s = zeros(), zeros(), zeros()
    state = {"d": d0, "r": 0.0}

    def update(params, grads, t):
        d, rate, b3 = state["d"], gamma * min(1.0, t / warmup), math.sqrt(b2)
        along = sum(np.sum(g * (first[k] - params[k])) for k, g in grads.items())
        state["r"] = b3 * state["r"] + (1 - b3) * rate * d**2 * along
        for k, x in params.items():
            m[k] = b1 * m[k] + (1 - b1) * d * grads[k]
            v[k] = b2 * v[k] + (1 - b2) * d**2 * grads[k] ** 2
            s[k] = b3 * s[k] + (1 - b3) * rate * d**2 * grads[k]
            x -= rate * d * (m[k] / (np.sqrt(v[k]) + d * eps) + decay * x)
        state["d"] = max(d, state["r"] / sum(np.sum(np.abs(a)) for a in s.values()))

    return numpy_path(update)


def sophia(lr, b1, b2, gamma, eps, decay, k):
    """Liu et al. 2023, arXiv:2305.14342, algorithm 3, with the curvatures g^2 in every k-th step."""
    m, h = zeros(), zeros()

    def update(params, grads, t):
        for name, x in params.items():
            m[name] = b1 * m[name] + (1 - b1) * grads[name]
            if t % k == 1:
                h[name] = b2 * h[name] + (1 - b2) * grads[name] ** 2
            u = np.clip(m[name] / np.maximum(gamma * h[name], eps), -1, 1)
            x -= lr * (u + decay * x)

    return numpy_path(update)


def unit_norm(x):
    """Lengths of the columns of a matrix [inputs, outputs], of a vector as a whole."""
    return np.sqrt(np.sum(x**2, axis=0, keepdims=True)) if x.ndim == 2 else np.sqrt(np.sum(x**2))


def adaptive_clipping(lr, ratio=0.01, eps=1e-3):
    """Brock et al. 2021, arXiv:2102.06171, eq. 3, before SGD."""

    def update(params, grads, t):
        for k, x in params.items():
            g, limit = grads[k], ratio * np.maximum(unit_norm(x), eps)
            length = unit_norm(g)
            x -= lr * np.where(length > limit, limit * g / length, g)

    return numpy_path(update)


def centralization(lr):
    """Yong et al. 2020, arXiv:2004.01461, eq. 1, before SGD; matrices are [inputs, outputs]."""

    def update(params, grads, t):
        for k, x in params.items():
            g = grads[k]
            x -= lr * (g - g.mean(axis=0, keepdims=True) if g.ndim == 2 else g)

    return numpy_path(update)


def numpy_paths():
    return {
        "nadam": nadam(),
        "nadamOptions": nadam(lr=0.05, b1=0.8, b2=0.95, eps=1e-3, decay=0.1, psi=0.1),
        "lion": lion(),
        "lionOptions": lion(lr=0.02, b1=0.8, b2=0.95, decay=0.2),
        "lamb": lamb(),
        "lambOptions": lamb(lr=0.05, b1=0.8, b2=0.95, eps=1e-3, decay=0.2),
        "adafactor": adafactor(),
        "adafactorOptions": adafactor(
            lr=0.05, c=0.6, eps1=1e-3, eps2=1.0, d=0.5, decay=0.1
        ),
        "adafactorUnscaled": adafactor(lr=0.05, scale=False),
        "muon": muon(),
        "muonOptions": muon(lr=0.05, mu=0.8, nesterov=False, decay=0.1, others=0.2),
        "scheduleFreeSgd": schedule_free_sgd(lr=0.5),
        "scheduleFreeSgdOptions": schedule_free_sgd(lr=0.5, beta=0.7, decay=0.05, warmup=5),
        "scheduleFreeAdamW": schedule_free_adamw(),
        "scheduleFreeAdamWOptions": schedule_free_adamw(
            lr=0.1, b1=0.8, b2=0.95, eps=1e-3, decay=0.1, warmup=4
        ),
        "prodigy": prodigy(),
        "prodigyOptions": prodigy(
            gamma=0.5, b1=0.8, b2=0.9, eps=1e-3, d0=1e-2, decay=0.1, warmup=4
        ),
        "sophia": sophia(lr=0.05, b1=0.8, b2=0.5, gamma=20.0, eps=1e-3, decay=0.1, k=3),
        "lookahead": lookahead(lr=0.3, k=4, alpha=0.6),
        "sam": sam(lr=0.3, rho=0.05),
        "asam": sam(lr=0.3, rho=0.5, adaptive=True),
        "clipAdaptively": adaptive_clipping(lr=0.3),
        "centralizeGradients": centralization(lr=0.3),
    }


# ----- Schedules -----


def rates(schedule, steps=STEPS, lr=0.5, momentum=False):
    """Learning rates, or momenta, of PyTorch in the first steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=0.9)
    made = schedule(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["momentum" if momentum else "lr"])
        optimizer.step()
        made.step()
    return found


def plateau(metrics, **options):
    """Learning rates of ReduceLROnPlateau after each metric."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    made = lr_scheduler.ReduceLROnPlateau(optimizer, eps=0, **options)
    found = []
    for metric in metrics:
        made.step(metric)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def schedules():
    s = lr_scheduler
    metrics = [3, 2, 2.5, 1.9, 1.9, 1.89, 1.95, 2, 1.5, 1.5, 1.6, 1.5, 1.4999, 1.4, 1.5, 1.4, 1.4, 1.45]
    return {
        "rates": {
            "stepDecay": rates(lambda o: s.StepLR(o, 4, 0.3)),
            "multiStepDecay": rates(lambda o: s.MultiStepLR(o, [2, 7, 8, 20], 0.3)),
            "exponentialDecay": rates(lambda o: s.ExponentialLR(o, 0.9)),
            "linearSchedule": rates(lambda o: s.LinearLR(o, 0.2, 0.9, 10)),
            "constantThenFull": rates(lambda o: s.ConstantLR(o, 0.2, 6)),
            "polynomialDecay": rates(lambda o: s.PolynomialLR(o, 20, 1.7)),
            "polynomialLinear": rates(lambda o: s.PolynomialLR(o, 20)),
            "cosineDecay": rates(lambda o: s.CosineAnnealingLR(o, STEPS, 0.05)),
            "cosineRestarts": rates(lambda o: s.CosineAnnealingWarmRestarts(o, 7, 1, 0.05)),
            "cosineRestartsGrowing": rates(lambda o: s.CosineAnnealingWarmRestarts(o, 2, 3, 0.05), 60),
            "oneCycle": rates(lambda o: s.OneCycleLR(o, 0.5, STEPS + 1)),
            "oneCycleMomentum": rates(lambda o: s.OneCycleLR(o, 0.5, STEPS + 1), momentum=True),
            "oneCycleLinear": rates(
                lambda o: s.OneCycleLR(
                    o,
                    0.5,
                    STEPS + 1,
                    pct_start=0.4,
                    anneal_strategy="linear",
                    div_factor=10,
                    final_div_factor=100,
                    three_phase=True,
                )
            ),
            "cyclic": rates(lambda o: s.CyclicLR(o, 0.1, 0.5, 3, 5)),
            "cyclicHalving": rates(lambda o: s.CyclicLR(o, 0.1, 0.5, 4, mode="triangular2")),
            "cyclicExponential": rates(
                lambda o: s.CyclicLR(o, 0.1, 0.5, 4, 2, mode="exp_range", gamma=0.95)
            ),
            "warmupThenCosine": rates(
                lambda o: s.SequentialLR(
                    o, [s.LinearLR(o, 0.1, 1.0, 5), s.CosineAnnealingLR(o, STEPS - 5)], [5]
                )
            ),
            "joined": rates(
                lambda o: s.SequentialLR(
                    o, [s.ExponentialLR(o, 0.8), s.StepLR(o, 3, 0.5), s.ConstantLR(o, 0.2, 100)], [6, 15]
                )
            ),
            "multiplied": rates(
                lambda o: s.ChainedScheduler([s.LinearLR(o, 0.2, 1.0, 8), s.ExponentialLR(o, 0.9)])
            ),
            "noam": rates(
                lambda o: s.LambdaLR(
                    o, lambda t: 512**-0.5 * min((t + 1) ** -0.5, (t + 1) * 8**-1.5)
                ),
                lr=1.0,
            ),
        },
        "plateaus": {
            "metrics": metrics,
            "min": plateau(metrics, patience=2, factor=0.5),
            "minAbsolute": plateau(metrics, patience=1, threshold=0.2, threshold_mode="abs", min_lr=0.03),
            "max": plateau([-m for m in metrics], mode="max", patience=1, threshold_mode="abs", factor=0.3),
            "maxRelative": plateau(metrics, mode="max", patience=0, cooldown=3, factor=0.7),
        },
    }


def write(name, value):
    Path(__file__).with_name(name).write_text(json.dumps(plain(value)) + "\n")


if __name__ == "__main__":
    paths = {**torch_paths(), **numpy_paths()}
    write(
        "optimizers.json",
        {"start": start, "problem": problem, "steps": KEPT, "paths": paths},
    )
    write("schedules.json", schedules())
