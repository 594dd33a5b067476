"""Times PyTorch on the models of recurrent.bench.ts, on one core: milliseconds per training step.

    /usr/bin/python3 test/bench/peers/torch-recurrent.py
"""

import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)


class Characters(nn.Module):
    """An LSTM with cross-entropy in every step."""

    def __init__(self, V, H, B, T):
        super().__init__()
        self.lstm, self.output = nn.LSTM(V, H), nn.Linear(H, V)
        self.xs = torch.randn(T, B, V)
        self.labels = torch.tensor([(i * 7919) % V for i in range(T * B)])

    def forward(self):
        ys, _ = self.lstm(self.xs)
        return F.cross_entropy(self.output(ys).flatten(0, 1), self.labels)


class Regression(nn.Module):
    """A net whose last state is compared with numbers."""

    def __init__(self, kind, I, H, B, T):
        super().__init__()
        self.net, self.output = kind(I, H), nn.Linear(H, 1)
        self.xs, self.target = torch.randn(T, B, I), torch.randn(B, 1)

    def forward(self):
        ys, _ = self.net(self.xs)
        return F.mse_loss(self.output(ys[-1]), self.target)


class Peephole(nn.Module):
    """An LSTM with peepholes and layer normalisation, op by op."""

    def __init__(self, I, H, B, T, fused):
        super().__init__()
        self.Wx = nn.Parameter(0.1 * torch.randn(I, 4 * H))
        self.Wh = nn.Parameter(0.1 * torch.randn(H, 4 * H))
        self.gains = nn.ParameterList(nn.Parameter(torch.ones(H)) for _ in range(5))
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(H)) for _ in range(5))
        self.peepholes = nn.ParameterList(nn.Parameter(0.1 * torch.ones(H)) for _ in range(3))
        self.xs, self.target = torch.randn(T, B, I), torch.randn(B, H)
        self.fused = fused

    def normalized(self, x, k):
        if self.fused:
            return F.layer_norm(x, x.shape[-1:], self.gains[k], self.biases[k])
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred * centred).mean(-1, keepdim=True)
        return centred / torch.sqrt(variance + 1e-5) * self.gains[k] + self.biases[k]

    def forward(self):
        h = c = torch.zeros_like(self.target)
        pi, pf, po = self.peepholes
        for x in self.xs:
            gates = (x @ self.Wx + h @ self.Wh).chunk(4, 1)
            i, f, g, o = (self.normalized(z, k) for k, z in enumerate(gates))
            c = torch.sigmoid(f + pf * c) * c + torch.sigmoid(i + pi * c) * torch.tanh(g)
            h = torch.sigmoid(o + po * c) * torch.tanh(self.normalized(c, 4))
        return F.mse_loss(h, self.target)


def measure(name, model, count):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        model().backward()
        optimizer.step()

    for _ in range(3):
        step()
    times = []
    for _ in range(count):
        start = time.process_time()
        step()
        times.append(1000 * (time.process_time() - start))
    times.sort()
    print(f"{name}: median {times[count // 2]:.2f} ms, best {times[0]:.2f} ms")


print(f"PyTorch {torch.__version__}")
measure("LSTM V=64 H=128 B=32 T=32, cross-entropy", Characters(64, 128, 32, 32), 20)
measure("GRU I=32 H=64 B=16 T=100", Regression(nn.GRU, 32, 64, 16, 100), 20)
measure("peephole + layer-norm LSTM, op by op", Peephole(32, 64, 16, 50, False), 10)
measure("peephole + layer-norm LSTM, fused layer_norm", Peephole(32, 64, 16, 50, True), 10)
measure("LSTM I=128 H=256 B=64 T=64", Regression(nn.LSTM, 128, 256, 64, 64), 5)
