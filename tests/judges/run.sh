#!/usr/bin/env bash
# Checks our files and numbers by outside software in a virtual environment of its own. Needs Python 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment="${TMPDIR:-/tmp}/dbn-edge-judges"
[ -d "$environment" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check -r tests/judges/requirements.txt
deno run --lock=deno.dev.lock --allow-read --allow-env tests/judges/dump.ts |
  "$environment/bin/python" tests/judges/judge.py
