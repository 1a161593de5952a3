#!/usr/bin/env bash
# examples.sh BUILD_DIR - the recipes of the author's guide give what their cases say, and nothing in their files refuses or warns.
set -euo pipefail
build=$(realpath "${1:?examples.sh BUILD_DIR}")
cd "$(dirname "$0")/../../sdk/examples"
for folder in */; do
    [ "$folder" = help_pages/ ] && continue # in Rust: rust_plugin.py
    (cd "$folder" && "$build/shoplane" plugin test --plugins "$build/examples:$build/plugins")
done
"$build/shoplane" plugin check "$build"/examples/*/*.so | tee /dev/stderr | grep -v ', good$' && exit 1
echo "all examples are as they should be"
