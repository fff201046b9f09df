#!/usr/bin/env bash
# Makes the hashed requirement files from pyproject.toml: for every Python from 3.11 on, naming no host.
# Versions that stand in the files are kept while they satisfy pyproject.toml; `--upgrade` takes the newest.
# Usage: requirements/compile.sh [--output FOLDER] [UV-OPTION ...]
set -euo pipefail
cd "$(dirname "$0")/.."

output=requirements
if [ "${1:-}" = --output ]; then
    output=$2
    shift 2
fi
uv=.venv/bin/uv
[ -x "$uv" ] || { echo "requirements: $uv is missing; run ./set-up.sh develop first" >&2; exit 2; }

compile() { # FILE, then what goes into it
    local file=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --output-file "$output/$file" "$@" > /dev/null
    echo "requirements: $output/$file"
}

compile cpu.txt pyproject.toml --extra cpu "$@"
compile gpu.txt pyproject.toml --extra gpu "$@"
compile dev.txt pyproject.toml --extra cpu --extra dev "$@"
compile build.txt --group build "$@"
compile fuzz.txt --group fuzz "$@"
compile node.txt --group node "$@"
compile training.txt --group training --constraints "$output/dev.txt" "$@"
