"""Calls the model repository's routes of Triton by Triton's own client; prints what it got as JSON."""

import json
import sys

import tritonclient.http as triton

address, token = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}"}


def outcome(call):
    try:
        call()
        return "done"
    except triton.InferenceServerException as error:
        return error.message()


with triton.InferenceServerClient(address) as client:
    print(json.dumps({
        "index": client.get_model_repository_index(),
        "load": outcome(lambda: client.load_model("digits", headers=headers)),
        "loadOther": outcome(lambda: client.load_model("other", headers=headers)),
        "loadWithout": outcome(lambda: client.load_model("digits")),
        "loadConfig": outcome(lambda: client.load_model("digits", headers=headers, config="{}")),
        "unload": outcome(lambda: client.unload_model("digits", headers=headers)),
    }))
