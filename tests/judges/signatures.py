"""PyPI's model-signing: signs what it is told to, and says of every case whether it verifies.

    signatures.py sign DIRECTORY PRIVATE_KEY   writes DIRECTORY/model.sig
    signatures.py verify < cases.json          a verdict a case: null, or why it is refused
"""

import contextlib
import json
import sys
from pathlib import Path

import model_signing


def sign(directory, key):
    hashing = model_signing.hashing.Config().set_ignored_paths(
        paths=["model.sig", "manifest.json"]
    )
    config = model_signing.signing.Config().set_hashing_config(hashing)
    config.use_elliptic_key_signer(private_key=key).sign(directory, f"{directory}/model.sig")


def verify(case):
    directory = Path(case["directory"])
    try:
        config = model_signing.verifying.Config()
        config.use_elliptic_key_verifier(public_key=case["key"])
        config.verify(directory, directory / "model.sig")
    except Exception as error:  # any error is its way to refuse
        return f"{type(error).__name__}: {error}"[:200]
    return None


if sys.argv[1] == "sign":
    sign(sys.argv[2], sys.argv[3])
else:
    with contextlib.redirect_stdout(sys.stderr):  # it prints warnings
        verdicts = [verify(case) for case in json.load(sys.stdin)]
    print(json.dumps(verdicts))
