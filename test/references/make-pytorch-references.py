"""Writes recurrent.json: what PyTorch computes, in float64.

The tests in test/models compare with them to 1e-10. Made with PyTorch 1.13.1 and NumPy 1.24:

    /usr/bin/python3 test/references/make-pytorch-references.py && pnpm oxfmt test/references

Axes: B batch, T time, F features, H hidden, N classes. Weights are written in the layout of
@tapeloop/nn: [inputs, gates * H], where PyTorch has [gates * H, inputs]. Where only the sum of the two
biases of PyTorch's cells matters, the second one is 0.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)

T, B, F, H = 5, 2, 3, 4


def plain(value):
    """Tensors as nested lists of numbers."""
    if isinstance(value, torch.Tensor):
        return value.detach().tolist()
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def leaf(*shape):
    return torch.randn(*shape).requires_grad_()


def weighted(ys, last, weights):
    """One number that depends on every output and on the last state, as the tests form it too."""
    return (ys * weights["ys"]).sum() + sum((last[k] * weights[k]).sum() for k in last)


def reference(run, params, state, to_ours):
    """Inputs, outputs and gradients of one recurrent layer.

    run: (xs [T,B,F], state) -> (ys [T,B,H], last state)
    to_ours: turns PyTorch's parameters, or their gradients, into those of @tapeloop/nn
    """
    xs = leaf(T, B, F)
    ys, last = run(xs, state)
    weights = {"ys": torch.randn(T, B, H), **{k: torch.randn(B, H) for k in state}}
    weighted(ys, last, weights).backward()
    return {
        "params": to_ours(*params),
        "xs": xs,
        "state": state,
        "weights": weights,
        "ys": ys,
        "last": last,
        "grads": {
            "params": to_ours(*(p.grad for p in params)),
            "xs": xs.grad,
            "state": {k: v.grad for k, v in state.items()},
        },
    }


def state_of(*names):
    return {name: leaf(B, H) for name in names}


def parameters_of(module, summed):
    """Random parameters; the first `summed` elements of the second bias are 0."""
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    with torch.no_grad():
        module.bias_hh_l0[:summed] = 0
    return [module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0, module.bias_hh_l0]


def one_bias(wx, wh, bx, bh):
    return {"Wx": wx.T, "Wh": wh.T, "b": bx}


def rnn(nonlinearity):
    module = nn.RNN(F, H, nonlinearity=nonlinearity)
    params = parameters_of(module, summed=H)

    def run(xs, state):
        ys, h = module(xs, state["h"][None])
        return ys, {"h": h[0]}

    return reference(run, params, state_of("h"), one_bias)


def lstm():
    module = nn.LSTM(F, H)  # gate order i f g o
    params = parameters_of(module, summed=4 * H)

    def run(xs, state):
        ys, (h, c) = module(xs, (state["h"][None], state["c"][None]))
        return ys, {"h": h[0], "c": c[0]}

    return reference(run, params, state_of("h", "c"), one_bias)


def gru_reset_after():
    module = nn.GRU(F, H)  # gate order r z n; n = tanh(x Wxn + bxn + r (h Whn + bhn))
    params = parameters_of(module, summed=2 * H)

    def run(xs, state):
        ys, h = module(xs, state["h"][None])
        return ys, {"h": h[0]}

    def to_ours(wx, wh, bx, bh):
        return {**one_bias(wx, wh, bx, bh), "bn": bh[2 * H :]}

    return reference(run, params, state_of("h"), to_ours)


def gru_reset_before():
    """Cho et al. 2014, arXiv:1406.1078v3: PyTorch has no such cell, so it is written out here."""
    wx, wh, b = params = [
        (0.5 * torch.randn(*shape)).requires_grad_() for shape in [(F, 3 * H), (H, 3 * H), (3 * H,)]
    ]

    def run(xs, state):
        h, ys = state["h"], []
        for x in xs:
            xr, xz, xn = (x @ wx + b).split(H, dim=-1)
            r = torch.sigmoid(xr + h @ wh[:, :H])
            z = torch.sigmoid(xz + h @ wh[:, H : 2 * H])
            n = torch.tanh(xn + (r * h) @ wh[:, 2 * H :])
            h = (1 - z) * n + z * h
            ys.append(h)
        return torch.stack(ys), {"h": h}

    return reference(run, params, state_of("h"), lambda wx, wh, b: {"Wx": wx, "Wh": wh, "b": b})


def loss(function, x, target):
    """A loss for each reduction, with the gradients of the mean by x."""
    x = x.requires_grad_()
    function(x, target, reduction="mean").backward()
    return {
        "x": x,
        "target": target,
        **{r: function(x, target, reduction=r) for r in ["none", "sum", "mean"]},
        "grad": x.grad,
    }


def losses():
    logits = 3 * torch.randn(2, 3, 5)
    logits[0, 0, 0] = 800  # exp() of it overflows
    logits[0, 1] = 0
    labels = torch.randint(5, (2, 3))
    labels[0, 0] = 1

    def cross_entropy(x, target, reduction):
        return functional.cross_entropy(x.movedim(-1, 1), target, reduction=reduction)

    targets = torch.rand(3, 4)
    targets[0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    binary = 3 * torch.randn(3, 4)
    binary[0] = torch.tensor([0.0, 0.0, 900.0, -900.0])  # 0 is where the formula has its corner
    return {
        "softmaxCrossEntropy": loss(cross_entropy, logits, labels),
        "meanSquaredError": loss(functional.mse_loss, torch.randn(3, 4), torch.randn(3, 4)),
        "sigmoidCrossEntropy": loss(functional.binary_cross_entropy_with_logits, binary, targets),
        "binaryCrossEntropy": loss(
            functional.binary_cross_entropy, torch.rand(3, 4), targets.clone()
        ),
    }


def write(name, value):
    Path(__file__).with_name(name).write_text(json.dumps(plain(value)) + "\n")


if __name__ == "__main__":
    cells = {
        "rnnTanh": rnn("tanh"),
        "rnnRelu": rnn("relu"),
        "lstm": lstm(),
        "gruResetAfter": gru_reset_after(),
        "gruResetBefore": gru_reset_before(),
    }
    write("recurrent.json", {"cells": cells, "losses": losses()})
