"""Writes convolutional.json: ConvLSTM and ConvGRU in PyTorch, in float64.

PyTorch has no such cells, so they are written out here, on its convolutions and its derivatives. The tests
in test/models compare with them to 1e-10. Made with PyTorch 1.13.1:

    /usr/bin/python3 test/references/make-convolutional-references.py && pnpm oxfmt test/references

Axes: B batch, T time, F input channels, H hidden channels, S space, K kernel. Inputs and states have channels
last, as in @tapeloop/nn; kernels are [outputs, channels, ...K], as in PyTorch.
"""

from importlib import import_module

import torch
from torch.nn import functional

shared = import_module("make-pytorch-references")
torch.manual_seed(21)

T, B, F, H = 2, 2, 2, 2


def convolve(x, kernel):
    """x [B, ...S, channels], zeros around it."""
    convolution = functional.conv1d if kernel.dim() == 3 else functional.conv2d
    return convolution(x.movedim(-1, 1), kernel, padding="same").movedim(1, -1)


def conv_lstm(params, state, x):
    """Shi et al. 2015, eq. 3; gate order i f g o."""
    h, c = state["h"], state["c"]
    i, f, g, o = (
        convolve(x, params["Wx"]) + convolve(h, params["Wh"]) + params["b"]
    ).chunk(4, -1)
    if "Wc" in params:
        wi, wf, wo = params["Wc"].chunk(3, -1)
        i, f = i + wi * c, f + wf * c
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    if "Wc" in params:
        o = o + wo * c
    h = torch.sigmoid(o) * torch.tanh(c)
    return {"h": h, "c": c}, h


def conv_gru(params, state, x):
    """Ballas et al. 2016; gate order r z n, z keeps."""
    h = state["h"]
    xr, xz, xn = (convolve(x, params["Wx"]) + params["b"]).chunk(3, -1)
    wr, wz, wn = params["Wh"].chunk(3, 0)
    r = torch.sigmoid(xr + convolve(h, wr))
    z = torch.sigmoid(xz + convolve(h, wz))
    n = torch.tanh(xn + convolve(r * h, wn))
    h = (1 - z) * n + z * h
    return {"h": h}, h


def reference(step, gates, names, space, kernel, peepholes=False):
    """Inputs, outputs and gradients of one cell over T steps."""

    def draw(*shape):
        return (0.5 * torch.randn(*shape)).requires_grad_()

    params = {
        "Wx": draw(gates * H, F, *kernel),
        "Wh": draw(gates * H, H, *kernel),
        "b": draw(gates * H),
    }
    if peepholes:
        params["Wc"] = draw(*space, 3 * H)
    first = {name: shared.leaf(B, *space, H) for name in names}
    xs = shared.leaf(T, B, *space, F)
    state, outputs = first, []
    for x in xs:
        state, y = step(params, state, x)
        outputs.append(y)
    ys = torch.stack(outputs)
    weights = {"ys": torch.randn_like(ys), **{k: torch.randn_like(v) for k, v in state.items()}}
    shared.weighted(ys, state, weights).backward()
    return {
        "params": params,
        "xs": xs,
        "state": first,
        "weights": weights,
        "ys": ys,
        "last": state,
        "grads": {
            "params": {k: v.grad for k, v in params.items()},
            "xs": xs.grad,
            "state": {k: v.grad for k, v in first.items()},
        },
    }


if __name__ == "__main__":
    cells = {
        "convLstm1d": reference(conv_lstm, 4, ["h", "c"], [4], [3]),
        "convLstm2d": reference(conv_lstm, 4, ["h", "c"], [2, 3], [3, 2], peepholes=True),
        "convGru1d": reference(conv_gru, 3, ["h"], [4], [2]),
        "convGru2d": reference(conv_gru, 3, ["h"], [2, 3], [3, 3]),
    }
    shared.write("convolutional.json", cells)
