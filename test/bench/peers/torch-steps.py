"""Times PyTorch on the models of recurrent-steps.bench.ts, on one core: milliseconds per training step.

    /usr/bin/python3 test/bench/peers/torch-steps.py
"""

import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)


def measure(name, parameters, loss, rounds):
    optimizer = torch.optim.Adam(parameters, lr=0.001)
    times = []
    for turn in range(rounds + 3):
        start = time.process_time()
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        if turn >= 3:
            times.append(1000 * (time.process_time() - start))
    times.sort()
    print(f"{name}: median {times[len(times) // 2]:.2f} ms, best {times[0]:.2f} ms")


gru, xs = nn.GRU(32, 64), torch.randn(100, 16, 32)
measure("GRU", gru.parameters(), lambda: gru(xs)[0][-1].square().mean(), 40)


class Strange(nn.Module):
    """The peephole layer-norm LSTM, written op by op."""

    def __init__(self, inputs, hidden, fused):
        super().__init__()
        self.hidden, self.fused = hidden, fused
        self.wx = nn.Parameter(0.1 * torch.randn(inputs, 4 * hidden))
        self.wh = nn.Parameter(0.1 * torch.randn(hidden, 4 * hidden))
        self.b = nn.Parameter(torch.zeros(4 * hidden))
        self.peep = nn.ParameterList([nn.Parameter(torch.zeros(hidden)) for _ in range(3)])
        self.gain, self.bias = nn.Parameter(torch.ones(4 * hidden)), nn.Parameter(torch.zeros(4 * hidden))
        self.gain_c, self.bias_c = nn.Parameter(torch.ones(hidden)), nn.Parameter(torch.zeros(hidden))

    def norm(self, x, gain, bias):
        if self.fused:
            return F.layer_norm(x, x.shape[-1:], gain, bias)
        mean = x.mean(-1, keepdim=True)
        variance = (x - mean).square().mean(-1, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * gain + bias

    def forward(self, xs):
        h = c = torch.zeros(xs.shape[1], self.hidden)
        for x in xs:
            gates = self.norm(x @ self.wx + h @ self.wh + self.b, self.gain, self.bias)
            i, f, g, o = gates.chunk(4, -1)
            i, f = torch.sigmoid(i + self.peep[0] * c), torch.sigmoid(f + self.peep[1] * c)
            c = f * c + i * torch.tanh(g)
            o = torch.sigmoid(o + self.peep[2] * c)
            h = o * torch.tanh(self.norm(c, self.gain_c, self.bias_c))
        return h


for fused in (False, True):
    cell, inputs = Strange(32, 64, fused), torch.randn(50, 16, 32)
    name = "peephole layer-norm LSTM" + (", its fused layer_norm" if fused else ", op by op")
    measure(name, cell.parameters(), lambda: cell(inputs).square().mean(), 20)

lstm, large = nn.LSTM(128, 256), torch.randn(64, 64, 128)
measure("LSTM 128 -> 256", lstm.parameters(), lambda: lstm(large)[0][-1].square().mean(), 10)
