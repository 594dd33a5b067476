"""Writes layers.json: values and gradients of layers by PyTorch in float64, for test/models/layer-suite.test.ts.

    /usr/bin/python3 test/references/make-layer-references.py && pnpm oxfmt test/references

Weights are written in the layout of @tapeloop/nn: [inputs, outputs] for matrices, [outputs, inputs, ...window] for
kernels. The gradients are those of the outputs, weighted by given numbers and summed. Made with PyTorch 1.13.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(30)
torch.set_default_dtype(torch.float64)


def plain(value):
    if isinstance(value, torch.Tensor):
        return value.detach().tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def shaken(module):
    """Parameters away from zeros and ones."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def reference(run, parameters, x):
    """Outputs, and gradients by parameters and by x; `parameters` maps names to leaves and how they are written."""
    x = x.requires_grad_()
    y = run(x)
    weights = torch.randn_like(y)
    (y * weights).sum().backward()
    return {
        "x": x,
        "parameters": {name: turn(p.detach()) for name, (p, turn) in parameters.items()},
        "weights": weights,
        "y": y,
        "grads": {name: turn(p.grad) for name, (p, turn) in parameters.items()},
        "gradX": x.grad,
    }


def same(value):
    return value


def turned(value):
    return value.T.contiguous()


def scale(module):
    return {"gain": (module.weight, same), "bias": (module.bias, same)}


def kernels(module):
    return {"W": (module.weight, same), "b": (module.bias, same)}


def batch_norm():
    module = shaken(nn.BatchNorm1d(4, momentum=0.2))
    found = reference(module, scale(module), torch.randn(6, 4))
    running = {"mean": module.running_mean, "variance": module.running_var}
    module.eval()
    x = torch.randn(3, 4)
    return {**found, "running": running, "evaluation": {"x": x, "y": module(x)}}


def heads(causal, padded):
    E, H, B, Q = 6, 3, 2, 4
    module = shaken(nn.MultiheadAttention(E, H, batch_first=True))
    mask = torch.ones(Q, Q, dtype=torch.bool).triu(1) if causal else None
    padding = torch.tensor([[False] * 4, [False, False, True, True]]) if padded else None

    def run(x):
        return module(x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False)[0]

    found = reference(run, {}, torch.randn(B, Q, E))
    wq, wk, wv = module.in_proj_weight.chunk(3)
    gq, gk, gv = module.in_proj_weight.grad.chunk(3)
    bq, bk, bv = module.in_proj_bias.chunk(3)
    cq, ck, cv = module.in_proj_bias.grad.chunk(3)
    out = module.out_proj
    return {
        **found,
        "parameters": {
            **{"Wq": turned(wq), "Wk": turned(wk), "Wv": turned(wv), "Wo": turned(out.weight)},
            **{"bq": bq, "bk": bk, "bv": bv, "bo": out.bias},
        },
        "grads": {
            **{"Wq": turned(gq), "Wk": turned(gk), "Wv": turned(gv)},
            **{"Wo": turned(out.weight.grad), "bq": cq, "bk": ck, "bv": cv, "bo": out.bias.grad},
        },
        "causal": causal,
        "mask": None if padding is None else ~padding,
    }


def tied():
    """Symbols to scores of symbols, by one matrix in both directions."""
    module = nn.Embedding(5, 3)
    symbols = torch.randint(5, (4, 2))
    bent = torch.tanh(module(symbols))
    y = functional.linear(bent, module.weight)
    weights = torch.randn(4, 2, 5)
    (y * weights).sum().backward()
    found = {"symbols": symbols, "y": y, "weights": weights}
    return {**found, "W": module.weight, "gradW": module.weight.grad}


def main():
    layer = shaken(nn.LayerNorm(5))
    group = shaken(nn.GroupNorm(2, 4))
    one = shaken(nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2))
    two = shaken(nn.Conv2d(2, 3, (3, 2), stride=2, padding=1))
    wanted = {
        "layerNorm": reference(layer, scale(layer), torch.randn(2, 3, 5)),
        "groupNorm": reference(group, scale(group), torch.randn(2, 4, 3, 2)),
        "convolution1d": reference(one, kernels(one), torch.randn(2, 4, 9)),
        "convolution2d": reference(two, kernels(two), torch.randn(2, 2, 6, 5)),
        "batchNorm": batch_norm(),
        "multiHeadAttention": [heads(False, False), heads(True, False), heads(False, True)],
        "tied": tied(),
    }
    path = Path(__file__).with_name("layers.json")
    path.write_text(json.dumps(plain(wanted)) + "\n")


if __name__ == "__main__":
    main()
