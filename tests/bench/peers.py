"""Times PyTorch and scikit-learn on the work that our engines do, and prints one line of JSON.

The Gibbs steps run the released top RBM's weights; `check` holds probabilities that the caller compares
with ours, so that all do the same work. Medians, the best of 1 and 2 threads, eager and compiled.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from sklearn.neural_network import BernoulliRBM

BATCH, BATCHES_PER_EPOCH = 100, 600
LAYERS = {"784×500": (784, 500), "500×500": (500, 500), "(500+10)×2000": (510, 2000)}


def median_ms(f, runs=15, warm=3):
    for _ in range(warm):
        f()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        f()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def best_ms(f, **options):
    """The best median of 1 and 2 threads, eager and compiled (where the compiler works)."""
    torch.set_num_threads(1)
    variants = [f]
    try:
        torch._dynamo.reset()
        compiled = torch.compile(f)
        compiled()
        variants.append(compiled)
    except Exception as error:
        print(f"torch.compile: {str(error).splitlines()[0]}", file=sys.stderr)
    best = float("inf")
    for variant in variants:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            best = min(best, median_ms(variant, **options))
    return best


@torch.no_grad()
def gibbs(weights, visible_bias, hidden_bias, chains, label, labels):
    down = weights.t().contiguous()
    one_hot = torch.eye(labels)[torch.full((chains,), label)]
    below = len(visible_bias) - labels
    visible = torch.bernoulli(torch.full((chains, below), 0.2))
    steps = 20

    def run():
        v = visible
        for _ in range(steps):
            h = torch.bernoulli(torch.sigmoid(torch.addmm(hidden_bias, torch.cat([v, one_hot], 1), weights)))
            v = torch.bernoulli(torch.sigmoid(torch.addmm(visible_bias, h, down)))[:, :below]
        return v  # or a compiler leaves it all out

    with torch.no_grad():
        return 1000 * steps / best_ms(run)


def cd1_epoch_seconds(visible, hidden, sampled):
    """CD-1; `sampled` draws binary inputs and reconstructions, as ours do, instead of grey ones."""
    generator = torch.Generator().manual_seed(1)
    w = 0.01 * torch.randn(visible, hidden, generator=generator)
    b, c = torch.zeros(visible), torch.zeros(hidden)
    vw, vb, vc = torch.zeros_like(w), torch.zeros_like(b), torch.zeros_like(c)
    inputs = torch.rand(BATCH, visible, generator=generator)
    inputs = torch.where(inputs < 0.19, inputs / 0.19, torch.zeros(()))

    @torch.no_grad()
    def step():
        v = torch.bernoulli(inputs) if sampled else inputs
        h = torch.sigmoid(torch.addmm(c, v, w))
        r = torch.sigmoid(torch.addmm(b, torch.bernoulli(h), w.t()))
        if sampled:
            r = torch.bernoulli(r)
        n = torch.sigmoid(torch.addmm(c, r, w))
        gradient = torch.addmm(v.t() @ h, r.t(), n, alpha=-1)
        vw.mul_(0.5).add_(gradient, alpha=0.1 / BATCH).add_(w, alpha=-0.1 * 2e-4)
        vb.mul_(0.5).add_((v - r).mean(0), alpha=0.1)
        vc.mul_(0.5).add_((h - n).mean(0), alpha=0.1)
        w.add_(vw), b.add_(vb), c.add_(vc)

    return best_ms(step, runs=30) * BATCHES_PER_EPOCH / 1000


def sklearn_epoch_seconds(visible, hidden):
    rbm = BernoulliRBM(n_components=hidden, learning_rate=0.1 / BATCH, batch_size=BATCH, n_iter=1, random_state=1)
    x = np.random.default_rng(1).random((BATCH, visible), np.float32) * 0.3
    rbm.partial_fit(x)
    return median_ms(lambda: rbm.partial_fit(x), runs=20) * BATCHES_PER_EPOCH / 1000


def main():
    directory = Path(sys.argv[1])
    tensors = {k: torch.from_numpy(v.copy()) for k, v in load_file(directory / "model.safetensors").items()}
    weights = torch.cat([tensors["top.weights"], tensors["top.label_weights"]])
    visible_bias = torch.cat([tensors["top.visible_bias"], tensors["top.label_bias"]])
    hidden_bias = tensors["top.hidden_bias"]
    labels = len(tensors["top.label_bias"])
    below = len(visible_bias) - labels
    v = torch.tensor([float(i % 5 == 0) for i in range(below)] + [float(i == 3) for i in range(labels)])
    hidden = torch.sigmoid(v @ weights + hidden_bias)
    torch.manual_seed(1)
    print(json.dumps({
        "torch": torch.__version__,
        "check": hidden.tolist(),
        "gibbs": {n: gibbs(weights, visible_bias, hidden_bias, n, 3, labels) for n in (1, 10, 100)},
        "epochSeconds": {
            mode: {name: cd1_epoch_seconds(*sizes, mode == "binary") for name, sizes in LAYERS.items()}
            for mode in ("binary", "grey")
        },
        "sklearnEpochSeconds": {"784×500": sklearn_epoch_seconds(784, 500)},
    }))


main()
