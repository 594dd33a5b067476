"""Writes losses.json: values and gradients of losses by PyTorch in float64, for test/models/losses.test.ts.

    /usr/bin/python3 test/references/make-loss-references.py && pnpm oxfmt test/references

Every case has the arguments, the options as they are called here, the loss of each prediction, their sum and
their mean, and the gradient of the mean by the first argument. Made with PyTorch 1.13.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def plain(value):
    if isinstance(value, torch.Tensor):
        return plain(value.detach().tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def case(loss, function, arguments, options=None, tensors=None, mean="mean"):
    """A case; `function` takes the arguments and a reduction."""
    first = arguments[0].clone().requires_grad_()
    rest = arguments[1:]
    average = function(first, *rest, mean)
    average.backward()
    return {
        "loss": loss,
        "arguments": arguments,
        "options": options or {},
        "tensors": tensors or {},
        "none": function(first, *rest, "none"),
        "sum": function(first, *rest, "sum"),
        "mean": average,
        "grad": first.grad,
    }


def cross_entropies():
    logits = 3 * torch.randn(2, 3, 5)
    labels = torch.randint(5, (2, 3))
    ignoring = labels.clone()
    ignoring[0, 1] = -7
    weights = torch.rand(5) + 0.1
    probabilities = torch.rand(2, 3, 5).softmax(-1)

    def classes(**options):
        def run(x, target, reduction):
            moved = target if target.dim() == 2 else target.movedim(-1, 1)
            return functional.cross_entropy(
                x.movedim(-1, 1), moved, reduction=reduction, **options
            )

        return run

    def nll(**options):
        return lambda x, target, reduction: functional.nll_loss(
            x.movedim(-1, 1), target, reduction=reduction, **options
        )

    name = "softmaxCrossEntropy"
    smooth = {"labelSmoothing": 0.2}
    ignore = {"ignoreIndex": -7}
    logs = logits.log_softmax(-1)
    return [
        case(name, classes(label_smoothing=0.2), [logits, labels], smooth),
        case(name, classes(ignore_index=-7), [logits, ignoring], ignore),
        case(name, classes(weight=weights), [logits, labels], {}, {"classWeights": weights}),
        case(
            name,
            classes(weight=weights, ignore_index=-7),
            [logits, ignoring],
            ignore,
            {"classWeights": weights},
        ),
        case(
            name,
            classes(weight=weights, ignore_index=-7, label_smoothing=0.2),
            [logits, ignoring],
            {**ignore, **smooth},
            {"classWeights": weights},
        ),
        case(name, classes(), [logits, probabilities]),
        case(name, classes(label_smoothing=0.2), [logits, probabilities], smooth),
        case(name, classes(weight=weights), [logits, probabilities], {}, {"classWeights": weights}),
        case("negativeLogLikelihood", nll(), [logs, labels]),
        case(
            "negativeLogLikelihood",
            nll(weight=weights, ignore_index=-7),
            [logs, ignoring],
            ignore,
            {"classWeights": weights},
        ),
    ]


def divergence():
    p = torch.rand(3, 4).softmax(-1)
    p[0] = torch.tensor([0.0, 0.5, 0.5, 0.0])
    q = torch.randn(3, 4).log_softmax(-1)

    def run(x, target, reduction):
        if reduction == "none":
            return functional.kl_div(x, target, reduction="none").sum(-1)
        return functional.kl_div(x, target, reduction=reduction)

    return [case("klDivergence", run, [q, p], mean="batchmean")]


def pairs():
    def with_options(function, **options):
        return lambda x, target, reduction: function(x, target, reduction=reduction, **options)

    x, y = 2 * torch.randn(3, 4), 2 * torch.randn(3, 4)
    logits, targets = 3 * torch.randn(3, 4), torch.rand(3, 4)
    weights = torch.rand(4) + 0.5
    counts = torch.randint(6, (3, 4)).double()
    variance = torch.rand(3, 4) + 0.1
    sides = torch.randint(2, (3, 4)).double() * 2 - 1
    labels = torch.randint(4, (3,))
    return [
        case("meanAbsoluteError", with_options(functional.l1_loss), [x, y]),
        case("huber", with_options(functional.huber_loss, delta=0.7), [x, y], {"delta": 0.7}),
        case("poissonLoss", with_options(functional.poisson_nll_loss), [x, counts]),
        case(
            "poissonLoss",
            with_options(functional.poisson_nll_loss, log_input=False),
            [variance, counts],
            {"logInput": False},
        ),
        case(
            "gaussianNegativeLogLikelihood",
            lambda m, t, v, reduction: functional.gaussian_nll_loss(m, t, v, reduction=reduction),
            [x, y, variance],
        ),
        case(
            "sigmoidCrossEntropy",
            with_options(functional.binary_cross_entropy_with_logits, pos_weight=weights),
            [logits, targets],
            {},
            {"positiveWeights": weights},
        ),
        case(
            "hinge",
            lambda a, t, reduction: {"none": lambda v: v, "sum": torch.sum, "mean": torch.mean}[
                reduction
            ](torch.relu(1 - a * t)),
            [x, sides],
        ),
        case(
            "multiClassHinge",
            with_options(functional.multi_margin_loss, margin=0.8),
            [x, labels],
            {"margin": 0.8},
        ),
        case(
            "tripletLoss",
            lambda a, p, n, reduction: functional.triplet_margin_loss(
                a, p, n, margin=2.0, eps=0.0, reduction=reduction
            ),
            [x, y, torch.randn(3, 4)],
            {"margin": 2},
        ),
    ]


def ctc():
    T, B, N, S = 7, 4, 5, 3
    logits = 2 * torch.randn(T, B, N)
    labels = torch.tensor([[1, 2, 3], [2, 2, 1], [4, 1, 1], [3, 3, 3]])
    steps, counts = [7, 6, 3, 5], [3, 3, 1, 0]

    def run(blank):
        def of(x, target, reduction):
            kept = torch.where(target == blank, torch.full_like(target, 0), target)
            losses = functional.ctc_loss(
                x.log_softmax(-1), kept, steps, counts, blank=blank, reduction="none"
            )
            return losses if reduction == "none" else getattr(losses, reduction)()

        return of

    # Long, and so unlikely that no probability of it is a float64.
    long, many = 60 * torch.randn(80, 2, 4), torch.randint(1, 4, (2, 20))

    def over(x, target, reduction):
        losses = functional.ctc_loss(
            x.log_softmax(-1), target, [80, 71], [20, 17], reduction="none"
        )
        return losses if reduction == "none" else getattr(losses, reduction)()

    lengths = {"inputLengths": [80, 71], "labelLengths": [20, 17]}
    other = torch.tensor([[1, 2, 0], [2, 2, 1], [0, 1, 1], [3, 3, 3]])
    options = {"inputLengths": steps, "labelLengths": counts}
    return [
        case("ctcLoss", run(0), [logits, labels], options),
        case("ctcLoss", run(4), [logits, other], {**options, "blank": 4}),
        case("ctcLoss", over, [long, many], lengths),
    ]


if __name__ == "__main__":
    all_cases = [*cross_entropies(), *divergence(), *pairs(), *ctc()]
    path = Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(plain(all_cases)) + "\n")
