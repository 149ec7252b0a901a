"""Times PyTorch and scikit-learn on the work that our engines do, a line of JSON for each asked for.

A line of standard input names what to measure; the caller asks by turns with its own measurements, because
the speed of a shared machine changes within a minute. The Gibbs steps run the released top RBM's weights;
`check` answers probabilities that the caller compares with ours, so that all do the same work. Medians, the
best of 1 and 2 threads, eager and compiled.
"""

import json
import statistics
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from sklearn.neural_network import BernoulliRBM

BATCH, BATCHES_PER_EPOCH, IMAGES = 100, 600, 60_000
LAYERS = {"784×500": (784, 500), "500×500": (500, 500), "(500+10)×2000": (510, 2000)}
GIBBS_STEPS = 20


def median_ms(f, runs=15, warm=2):
    for _ in range(warm):
        f()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        f()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def variants(f, *arguments):
    """f as it is, and compiled where the compiler works."""
    torch._dynamo.reset()
    try:
        compiled = torch.compile(f)
        compiled(*arguments)
        return [f, compiled]
    except Exception as error:
        print(f"torch.compile: {str(error).splitlines()[0]}", file=sys.stderr)
        return [f]


def best_ms(candidates, **options):
    """The best median of 1 and 2 threads."""
    best = float("inf")
    for candidate in candidates:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            best = min(best, median_ms(candidate, **options))
    return best


@cache
def top_rbm():
    tensors = load_file(Path(sys.argv[1]) / "model.safetensors")
    t = {name: torch.from_numpy(value.copy()) for name, value in tensors.items()}
    weights = torch.cat([t["top.weights"], t["top.label_weights"]])
    visible_bias = torch.cat([t["top.visible_bias"], t["top.label_bias"]])
    return weights, visible_bias, t["top.hidden_bias"], len(t["top.label_bias"])


def check():
    weights, visible_bias, hidden_bias, labels = top_rbm()
    below = len(visible_bias) - labels
    v = torch.tensor([float(i % 5 == 0) for i in range(below)] + [float(i == 3) for i in range(labels)])
    return {"torch": torch.__version__, "hidden": torch.sigmoid(v @ weights + hidden_bias).tolist()}


@cache
def gibbs_variants(chains):
    weights, visible_bias, hidden_bias, labels = top_rbm()
    down = weights.t().contiguous()
    one_hot = torch.eye(labels)[torch.full((chains,), 3)]
    below = len(visible_bias) - labels
    visible = torch.bernoulli(torch.full((chains, below), 0.2))

    @torch.no_grad()
    def run():
        v = visible
        for _ in range(GIBBS_STEPS):
            h = torch.bernoulli(torch.sigmoid(torch.addmm(hidden_bias, torch.cat([v, one_hot], 1), weights)))
            v = torch.bernoulli(torch.sigmoid(torch.addmm(visible_bias, h, down)))[:, :below]
        return v  # or a compiler leaves it all out

    return variants(run)


def gibbs(chains):
    """Steps of all chains a second."""
    return 1000 * GIBBS_STEPS / best_ms(gibbs_variants(chains))


@cache
def cd1_variants(layer, sampled):
    """CD-1; `sampled` draws binary inputs and reconstructions, as ours do, instead of grey ones."""
    visible, hidden = LAYERS[layer]
    generator = torch.Generator().manual_seed(1)
    w = 0.01 * torch.randn(visible, hidden, generator=generator)
    b, c = torch.zeros(visible), torch.zeros(hidden)
    vw, vb, vc = torch.zeros_like(w), torch.zeros_like(b), torch.zeros_like(c)
    # Reading a batch of the training images is part of the work.
    data = torch.rand(IMAGES, visible, generator=generator)
    data = torch.where(data < 0.19, data / 0.19, torch.zeros(()))
    order = torch.randperm(IMAGES, generator=generator).split(BATCH)
    batch = 0

    @torch.no_grad()
    def step(inputs):
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

    def read(f):
        def run():
            nonlocal batch
            batch = (batch + 1) % BATCHES_PER_EPOCH
            f(data[order[batch]])

        return run

    return [read(f) for f in variants(step, data[order[0]])]


def cd1(layer, mode):
    """Seconds of an epoch."""
    return best_ms(cd1_variants(layer, mode == "binary"), runs=30) * BATCHES_PER_EPOCH / 1000


def sklearn(layer):
    """Seconds of an epoch of scikit-learn's PCD."""
    visible, hidden = LAYERS[layer]
    rbm = BernoulliRBM(n_components=hidden, learning_rate=0.1 / BATCH, batch_size=BATCH, n_iter=1, random_state=1)
    x = np.random.default_rng(1).random((BATCH, visible), np.float32) * 0.3
    rbm.partial_fit(x)
    return median_ms(lambda: rbm.partial_fit(x), runs=20) * BATCHES_PER_EPOCH / 1000


torch.manual_seed(1)
MEASURES = {f.__name__: f for f in (check, gibbs, cd1, sklearn)}
for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(MEASURES[name](*arguments)), flush=True)
