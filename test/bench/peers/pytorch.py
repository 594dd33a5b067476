"""PyTorch at the tasks of ours/ours.ts, on one thread; the same arguments, the same line of JSON.

    /usr/bin/python3 pytorch.py task folder seconds variant
"""

import json
import re
import struct
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
if sys.argv[1:] == ["versions"]:
    # Whose products these are: Debian's PyTorch takes the BLAS of the system, which may be the reference.
    libraries = re.findall(r"\S*/lib(?:open)?blas\S*|\S*/libmkl\S*|\S*/libblis\S*", Path("/proc/self/maps").read_text())
    print(json.dumps({"torch": torch.__version__, "blas": ", ".join(sorted(set(libraries)))}))
    sys.exit()
task, folder, seconds, variant = sys.argv[1:5]


def arrays():
    """The arrays of the task's safetensors file."""
    data = Path(folder, f"{task}.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    found, dtypes = {}, {"F32": torch.float32, "I32": torch.int32}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + at for at in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=dtypes[entry["dtype"]])
        found[name] = flat.reshape(entry["shape"])
    return found


def enter(operation, operations=1):
    checked = [operation() for _ in range(10)]
    batch = 1
    while True:
        start = time.process_time()
        for _ in range(batch):
            operation()
        if time.process_time() - start >= 0.02:
            break
        batch *= 2
    samples, end = [], time.monotonic() + float(seconds)
    while not samples or time.monotonic() < end:
        start = time.process_time()
        for _ in range(batch):
            operation()
        samples.append(1e6 * (time.process_time() - start) / batch / operations)
    samples.sort()
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    middle = (samples[(len(samples) - 1) // 2] + samples[len(samples) // 2]) / 2
    print(json.dumps({"checked": checked, "micros": middle, "peak": peak}))


def training(parameters, loss_of, rate):
    optimizer = torch.optim.Adam(parameters, lr=rate)

    def step():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def layer(make, given):
    """A recurrent layer with our weights, and its parameters; ours has one bias, so the second is no parameter."""
    found = make(given["Wx"].shape[0], given["Wh"].shape[0])
    with torch.no_grad():
        found.weight_ih_l0.copy_(given["Wx"].T)
        found.weight_hh_l0.copy_(given["Wh"].T)
        found.bias_ih_l0.copy_(given["b"])
        found.bias_hh_l0.zero_()
    found.bias_hh_l0.requires_grad_(False)
    return found, [found.weight_ih_l0, found.weight_hh_l0, found.bias_ih_l0]


def last_output(make):
    given = arrays()
    found, parameters = layer(make, given)
    return training(parameters, lambda: found(given["xs"])[0][-1].square().mean(), 0.001)


def lstm():
    given = arrays()
    found, parameters = layer(nn.LSTM, given)
    output = nn.Linear(given["Wo"].shape[0], given["Wo"].shape[1])
    with torch.no_grad():
        output.weight.copy_(given["Wo"].T)
        output.bias.copy_(given["bo"])
    labels = given["labels"].reshape(-1).long()

    def loss():
        ys, _ = found(given["xs"])
        return F.cross_entropy(output(ys).flatten(0, 1), labels)

    return training([*parameters, *output.parameters()], loss, 0.01)


def peephole():
    p = arrays()
    xs = p.pop("xs")
    for x in p.values():
        x.requires_grad_()

    def norm(x, gain, bias):
        if variant == "fused":
            return F.layer_norm(x, x.shape[-1:], gain, bias)
        mean = x.mean(-1, keepdim=True)
        variance = (x - mean).square().mean(-1, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * gain + bias

    def loss():
        h = c = torch.zeros(xs.shape[1], p["Wh"].shape[0])
        for x in xs:
            gates = norm(x @ p["Wx"] + h @ p["Wh"] + p["b"], p["gain"], p["bias"])
            i, f, g, o = gates.chunk(4, -1)
            i, f = torch.sigmoid(i + p["pi"] * c), torch.sigmoid(f + p["pf"] * c)
            c = f * c + i * torch.tanh(g)
            o = torch.sigmoid(o + p["po"] * c)
            h = o * torch.tanh(norm(c, p["gainC"], p["biasC"]))
        return h.square().mean()

    return training(list(p.values()), loss, 0.001)


def once(f):
    operands, calls = list(arrays().values()), iter(range(10**12))
    first = f(*operands).flatten()[:10].tolist()

    def run():
        f(*operands)
        return first[next(calls) % 10]

    return run


def scalars():
    a, b = torch.tensor(0.999), torch.tensor(0.001)

    def run():
        x = torch.tensor(0.5, requires_grad=True)
        y = x
        for _ in range(500):
            y = y * a + b
        y.backward()
        return x.grad.item()

    return run


def stream():
    given = arrays()
    cell = nn.LSTMCell(given["Wx"].shape[0], given["Wh"].shape[0])
    with torch.no_grad():
        cell.weight_ih.copy_(given["Wx"].T)
        cell.weight_hh.copy_(given["Wh"].T)
        cell.bias_ih.copy_(given["b"])
        cell.bias_hh.zero_()
    inputs, state, t = list(given["xs"]), None, 0

    def run():
        nonlocal state, t
        with torch.no_grad():
            state = cell(inputs[t % len(inputs)], state)
        t += 1
        return state[0][0, 0].item()

    return run


if task == "first-step":
    lstm_, head = nn.LSTM(64, 128), nn.Linear(128, 64)
    classes = torch.tensor([(i * 7919) % 64 for i in range(32 * 32)])
    inputs = torch.randn(32, 32, 64)
    train = training(
        [*lstm_.parameters(), *head.parameters()],
        lambda: F.cross_entropy(head(lstm_(inputs)[0]).flatten(0, 1), classes),
        0.01,
    )
    print(json.dumps({"checked": [], "loss": train()}))
elif task == "scalars":
    enter(scalars(), 1000)
else:
    enter(
        {
            "lstm": lstm,
            "gru": lambda: last_output(nn.GRU),
            "peephole": peephole,
            "large": lambda: last_output(nn.LSTM),
            "product": lambda: once(torch.matmul),
            "pointwise": lambda: once(lambda a, b, c, d: torch.tanh(a * b + c) * torch.sigmoid(d)),
            "softmax": lambda: once(lambda x: torch.softmax(x, -1)),
            "stream": stream,
        }[task]()
    )
