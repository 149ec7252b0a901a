"""Checks our files and numbers by software that we did not write.

safetensors reads the weights, onnx checks the graphs, numpy in double precision is the arithmetic, and
onnxruntime runs the exported graphs; every engine's numbers come from dump.ts.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-4
passed = failed = 0


def check(what, ok, note=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(f"{'ok    ' if ok else 'FAILED'} {what} {note}")


def difference(a, b):
    return float(np.max(np.abs(np.asarray(a, np.float64).ravel() - np.asarray(b, np.float64).ravel())))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def up_pass(dbn, x):
    layer = 1
    while f"rbm{layer}.weights" in dbn:
        x = sigmoid(x @ dbn[f"rbm{layer}.weights"] + dbn[f"rbm{layer}.hidden_bias"])
        layer += 1
    return x


def down_pass(dbn, x):
    layers = sum(name.startswith("rbm") and name.endswith(".weights") for name in dbn)
    for layer in range(layers, 0, -1):
        tied = dbn[f"rbm{layer}.weights"]  # unless up-down gave the way down weights of its own
        down = dbn.get(f"rbm{layer}.generative_weights", tied)
        x = sigmoid(x @ down.T + dbn[f"rbm{layer}.visible_bias"])
    return x


def free_energies(dbn, v):
    a = v @ dbn["top.weights"] + dbn["top.hidden_bias"]
    joined = a[:, None, :] + dbn["top.label_weights"][None]
    own = (v @ dbn["top.visible_bias"])[:, None] + dbn["top.label_bias"][None]
    return -own - np.logaddexp(0, joined).sum(axis=2)


def classifier(dense, x):
    layers = len(dense) // 2
    for i in range(1, layers + 1):
        x = x @ dense[f"dense{i}.kernel"] + dense[f"dense{i}.bias"]
        if i < layers:
            x = sigmoid(x)
    return softmax(x)


def check_model(dump):
    directory = Path(dump["directory"])
    config = json.loads((directory / "config.json").read_text())
    labels = len(config["architecture"]["labels"])

    def array(text, width):
        return np.frombuffer(base64.b64decode(text), np.float32).reshape(-1, width)

    def double(tensors):
        """Every tensor in double precision; of 8-bit integers what float32 makes of them and their scales."""
        expanded = {}
        for name, values in tensors.items():
            if values.dtype == np.int8:
                values = values.astype(np.float32) * tensors[f"{name}_scale"]
            if not name.endswith("_scale"):
                expanded[name] = values.astype(np.float64)
        return expanded

    weights = load_file(directory / "model.safetensors")
    kernels = load_file(directory / "classifier.safetensors")
    files, dbn, dense = weights | kernels, double(weights), double(kernels)
    dtype = config.get("dtype", "F32")
    print(f"{config['name']} version {config['version']}, {dtype}")
    stored = {"F32": np.float32, "F16": np.float16, "I8": np.int8}[dtype]
    is_stored = all(v.dtype == stored for v in files.values() if v.ndim == 2)
    check("safetensors reads both weight files", is_stored, f"{len(dbn)} + {len(dense)} tensors of {dtype}")
    images = array(dump["images"], config["architecture"]["layers"][0]).astype(np.float64)
    energies = free_energies(dbn, up_pass(dbn, images))
    truth = {
        "penultimate": up_pass(dbn, images),
        "probabilities": classifier(dense, images),
        "jointProbabilities": softmax(-energies),
    }
    top = config["architecture"]["top"]
    below = config["architecture"]["layers"][-1]
    for name, numbers in dump["engines"].items():
        visible, y = array(numbers["visible"], below), array(numbers["labels"], labels)
        states = array(numbers["states"], top).astype(np.float64)
        logits = visible @ dbn["top.weights"] + y @ dbn["top.label_weights"] + dbn["top.hidden_bias"]
        expected = truth | {
            "hidden": sigmoid(logits / 0.7),
            "visibleGivenHidden": sigmoid((states @ dbn["top.weights"].T + dbn["top.visible_bias"]) / 0.7),
            "labelsGivenHidden": softmax((states @ dbn["top.label_weights"].T + dbn["top.label_bias"]) / 0.7),
            "images": down_pass(dbn, visible),
        }
        for what, values in expected.items():
            d = difference(array(numbers[what], values.shape[1]), values)
            check(f"{name}: {what} agrees with numpy in double precision", d <= TOLERANCE, f"{d:.1e}")
        d = difference(array(numbers["freeEnergies"], labels) / np.abs(energies), np.sign(energies))
        check(f"{name}: free energies agree, relative", d <= 1e-5, f"{d:.1e}")

    runtime = {}
    for file in sorted(directory.glob("*.onnx")):
        onnx.checker.check_model(str(file), full_check=True)
        check(f"onnx.checker accepts {file.name}", True, f"{file.stat().st_size} bytes")
        runtime[file.name] = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    outputs = runtime["model.onnx"].run(
        ["probabilities", "joint_probabilities", "penultimate"], {"images": images.astype(np.float32)}
    )
    for what, values in zip(("probabilities", "jointProbabilities", "penultimate"), outputs):
        d = difference(values, truth[what])
        check(f"native onnxruntime: {what}", d <= TOLERANCE, f"{d:.1e}")

for line in sys.stdin:
    check_model(json.loads(line))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
