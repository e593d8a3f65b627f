"""PyTorch's side of `training.py`: the network five_conv in PyTorch, trained on one constant batch.

    PYTHON_WITH_TORCH benchmarks/torch_side.py --threads 1 --batch 10

Adam in its fused form, float32, the films uint8 as ours; no augmentation, and nothing read back
from a step. Answers in images a second (see `workers.py`).
"""

import argparse
import itertools
import time
from collections.abc import Callable

import torch
from torch import nn
from workers import serve

SECONDS = 1.0
KINDS = ("eager", "compiled")
LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}


def main() -> None:
    """Get ready, then answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    # Compiled code takes its threads when it is compiled: each number needs its own process.
    serve(
        {
            f"{kind} {layout}": make_measure(kind, layout, options.batch)
            for kind, layout in itertools.product(KINDS, LAYOUTS)
        }
    )


def network() -> nn.Module:
    """five_conv without its sigmoid: films (n, 1, 32, 32) from 0 to 1 to logits (n, 1)."""

    def norm(kind: type[nn.Module], width: int) -> nn.Module:
        return kind(width, eps=1e-3, momentum=0.01)  # as Keras' 0.99

    def block(came: int, goes: int) -> list[nn.Module]:
        return [nn.Conv2d(came, goes, 3), norm(nn.BatchNorm2d, goes), nn.ReLU()]

    return nn.Sequential(
        *block(1, 32),
        *block(32, 32),
        nn.MaxPool2d(2),
        *block(32, 64),
        *block(64, 64),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 32, 3),
        nn.ReLU(),
        norm(nn.BatchNorm2d, 32),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 128),
        nn.ReLU(),
        norm(nn.BatchNorm1d, 128),
        nn.Dropout(0.25),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 1),
    )


def make_measure(kind: str, layout: str, batch: int) -> Callable[[], float]:
    """A function that gives images a second; the compiler works at its first call."""
    model = network().to(memory_format=LAYOUTS[layout]).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7, fused=True)
    films = torch.randint(0, 256, (batch, 1, 32, 32), dtype=torch.uint8)
    films = films.to(memory_format=LAYOUTS[layout])
    labels = (torch.arange(batch) % 2).float()[:, None]

    def loss() -> torch.Tensor:
        logits = model(films.float() / 255)
        return nn.functional.binary_cross_entropy_with_logits(logits, labels)

    descended = torch.compile(loss) if kind == "compiled" else loss

    def step() -> None:
        optimizer.zero_grad()
        descended().backward()
        optimizer.step()

    def measure() -> float:
        for _ in range(5):
            step()
        began, steps = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < SECONDS:
            step()
            steps += 1
        return steps * batch / passed

    return measure


if __name__ == "__main__":
    main()
