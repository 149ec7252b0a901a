#!/usr/bin/env bash
# Checks our files and numbers by outside software in a virtual environment of its own. Needs Python 3.
set -euo pipefail
case "${1:-}" in
  "") ;;
  -h | --help)
    echo "Usage: deno task judge"
    echo
    echo "Checks our files and numbers by outside software. Needs Python 3."
    exit 0
    ;;
  *)
    echo "error: Unknown argument $1; there are only -h and --help" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/../.."
environment="${TMPDIR:-/tmp}/dbn-edge-judges"
[ -d "$environment" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check -r tests/judges/requirements.txt
half=$(mktemp -d)
trap 'rm -rf "$half"' EXIT
deno run --lock=deno.dev.lock --allow-read --allow-env --allow-write="$half" tests/judges/dump.ts "$half" |
  "$environment/bin/python" tests/judges/judge.py
if ! command -v openssl >/dev/null; then
  echo "skipped signatures: there is no openssl"
elif ! "$environment/bin/pip" install --quiet --disable-pip-version-check -r tests/judges/signatures.txt; then
  echo "skipped signatures: model-signing cannot be installed"
else
  deno run --lock=deno.dev.lock --allow-all tests/judges/signatures.ts "$environment/bin/python"
fi
if ! "$environment/bin/pip" install --quiet --disable-pip-version-check -r tests/judges/repository.txt; then
  echo "skipped the repository's routes: tritonclient cannot be installed"
else
  deno run --lock=deno.dev.lock --allow-all tests/judges/repository.ts "$environment/bin/python"
fi
if ! "$environment/bin/pip" install --quiet --disable-pip-version-check -r tests/judges/imports.txt; then
  echo "skipped imports: PyTorch, Keras or scikit-learn cannot be installed"
else
  models="$(mktemp -d)"
  "$environment/bin/python" tests/judges/imports.py "$models"
  deno run --lock=deno.dev.lock --allow-all tests/judges/imports.ts "$models"
  rm -r "$models"
fi
