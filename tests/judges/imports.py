"""Trains small models by PyTorch, Keras and scikit-learn on scikit-learn's digits, saves their parameters as
`deno task dbn import` reads them, and writes what each library says of twelve images to cases.jsonl.

    python tests/judges/imports.py DIRECTORY            every case
    python tests/judges/imports.py DIRECTORY --known    those of tests/train/imports/known, none of 28x28
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM

IMAGES = 12
SEED = 1
directory = Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
cases = []
digits, labels = load_digits(return_X_y=True)  # (1797, 64) of 0 ... 16
small = (digits / 16).astype(np.float32)


def large(images):
    """The images at 28x28: each pixel three times as large, and a margin of two."""
    tripled = np.kron(images.reshape(-1, 8, 8), np.ones((1, 3, 3), images.dtype))
    return np.pad(tripled, ((0, 0), (2, 2), (2, 2))).reshape(len(images), -1)


def add(file, source, inputs, **case):
    arrays = {key: np.asarray(value, np.float64).round(7).tolist() for key, value in case.items() if isinstance(value, np.ndarray)}
    cases.append({**case, "file": file, "from": source, "inputs": np.asarray(inputs, np.float64).round(7).tolist(), **arrays})


def train_torch(model, images):
    torch.manual_seed(SEED)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, y = torch.tensor(images), torch.tensor(labels)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


def add_torch(file, model, activation, images=small, dtype=torch.float32, mean=0.0, std=1.0, **case):
    train_torch(model, (images - mean) / std)
    model = model.to(dtype)
    save_file(model.state_dict(), directory / file)
    inputs = images[:IMAGES]
    with torch.no_grad():
        logits = model.to(torch.promote_types(dtype, torch.float32))(torch.tensor((inputs - mean) / std).to(torch.promote_types(dtype, torch.float32)))
    if (mean, std) != (0.0, 1.0):
        case |= {"mean": mean, "std": std}
    add(file, "pytorch", inputs, activation=activation, probabilities=torch.softmax(logits, 1).numpy(), **case)


def sequential(*sizes, activation=torch.nn.ReLU):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    return torch.nn.Sequential(*layers[:-1])


class Named(torch.nn.Module):
    """Modules whose names say nothing of their order."""

    def __init__(self, *sizes, names):
        super().__init__()
        self.order = names
        for name, inputs, outputs in zip(names, sizes, sizes[1:]):
            self.add_module(name, torch.nn.Linear(inputs, outputs))

    def forward(self, x):
        for name in self.order[:-1]:
            x = torch.sigmoid(getattr(self, name)(x))
        return getattr(self, self.order[-1])(x)


def torch_cases():
    add_torch("torch_relu.safetensors", sequential(64, 32, 10), "relu")
    add_torch("torch_sigmoid_f64.safetensors", sequential(64, 16, 10, activation=torch.nn.Sigmoid), "sigmoid", dtype=torch.float64)
    add_torch("torch_f16.safetensors", sequential(64, 16, 10), "relu", dtype=torch.float16)
    add_torch("torch_bf16.safetensors", sequential(64, 16, 10), "relu", dtype=torch.bfloat16)
    add_torch("torch_normalized.safetensors", sequential(64, 16, 10), "relu", mean=0.3, std=0.35)
    add_torch("torch_twelve_layers.safetensors", sequential(64, *[12] * 11, 10), "relu")
    add_torch("torch_sizes_tell.safetensors", Named(64, 24, 16, 10, names=["hidden", "deep", "answer"]), "sigmoid")
    names = ["entry", "beyond", "again", "answer"]
    add_torch("torch_named.safetensors", Named(64, 16, 16, 16, 10, names=names), "sigmoid", layers=names)


def keras_cases():
    try:
        import keras
    except ImportError as error:
        print(f"skipped Keras: {error}", file=sys.stderr)
        return
    keras.utils.set_random_seed(SEED)
    for file, activation, sizes in (("keras.npz", "relu", [24, 16]), ("keras_named.npz", "sigmoid", [16])):
        layers = [keras.layers.Dense(size, activation=activation) for size in sizes]
        model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(small, labels, epochs=5, verbose=0)
        if file == "keras.npz":
            np.savez(directory / file, *model.get_weights())
        else:
            named = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
            np.savez_compressed(directory / file, **named)
        probabilities = np.asarray(model.predict(small[:IMAGES], verbose=0))
        add(file, "keras", small[:IMAGES], activation=activation, probabilities=probabilities)


def add_rbm(file, units, images, **saved):
    rbm = BernoulliRBM(units, learning_rate=0.05, n_iter=5, random_state=SEED).fit(images)
    np.savez(
        directory / file,
        components_=rbm.components_,
        intercept_hidden_=rbm.intercept_hidden_,
        intercept_visible_=rbm.intercept_visible_,
        **saved,
    )
    inputs = images[:IMAGES]
    # score_samples flips one pixel an image, drawn by the seed
    flipped = np.random.RandomState(SEED).randint(0, images.shape[1], IMAGES)
    add(
        file,
        "scikit-learn",
        inputs,
        hidden=rbm.transform(inputs),
        freeEnergies=rbm._free_energy(inputs),
        scores=rbm.score_samples(inputs),
        flipped=flipped,
    )


def rbm_cases():
    add_rbm("rbm.npz", 16, digits / 16)
    add_rbm("rbm_f32.npz", 12, small, h_samples_=np.zeros((2, 3), bool))


torch_cases()
keras_cases()
rbm_cases()
if "--known" not in sys.argv:
    add_torch("torch_28x28.safetensors", sequential(784, 128, 64, 10), "relu", images=large(small), mean=0.1307, std=0.3081)
    add_rbm("rbm_28x28.npz", 100, large(digits / 16))
(directory / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
print(f"{len(cases)} cases in {directory}")
