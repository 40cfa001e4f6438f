#!/usr/bin/env bash
# Renew requirements.lock: every package that pyproject.toml names, with hashes, for all
# Python versions that it allows; and setuptools, which the editable install builds with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v uv >/dev/null; then
    echo "lock: needs uv: pip install uv" >&2
    exit 3
fi
uv pip compile --quiet --generate-hashes --all-extras --universal --python-version 3.11 \
    --no-emit-index-url --custom-compile-command "make lock" \
    --output-file requirements.lock pyproject.toml - <<<"setuptools>=77"
echo "lock: requirements.lock holds $(grep -c '==' requirements.lock) packages"
