"""Times PyTorch on the model of lstm-step.bench.ts, on one core: milliseconds per training step.

    /usr/bin/python3 test/bench/peers/torch-lstm.py
"""

import time

import torch
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
V, H, B, T = 64, 128, 32, 32
lstm, output = torch.nn.LSTM(V, H), torch.nn.Linear(H, V)
parameters = [*lstm.parameters(), *output.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.01)
xs = torch.randn(T, B, V)
labels = torch.tensor([(i * 7919) % V for i in range(T * B)])


def step():
    optimizer.zero_grad()
    ys, _ = lstm(xs)
    loss = F.cross_entropy(output(ys).reshape(T * B, V), labels)
    loss.backward()
    optimizer.step()


for _ in range(5):
    step()
times = []
for _ in range(40):
    start = time.process_time()
    step()
    times.append(1000 * (time.process_time() - start))
times.sort()
print(f"PyTorch {torch.__version__}: median {times[20]:.2f} ms, best {times[0]:.2f} ms per step")
