#!/usr/bin/env bash
# hardened.sh BUILD_DIR - the programs and plugins of a release build resist what they can: position-independent, no writable table
# of functions once they run, no executable stack, a stack that tells when it was overwritten, checked calls of the C library.
set -euo pipefail
build=$(realpath "${1:?hardened.sh BUILD_DIR}")
failed=0
say() { # GOOD WHAT
    if [ "$1" -ne 0 ]; then failed=1; echo "FAIL  $2"; fi
}
has() { # FILE PATTERN OPTIONS...: does readelf show it?
    local file=$1 pattern=$2
    shift 2
    readelf -W "$@" "$file" | grep -E "$pattern" >/dev/null
}
files=("$build/shoplane" "$build/shoplane-demo" "$build"/plugins/*/*.so "$build"/examples/*/*.so)
for file in "${files[@]}"; do
    good=0; has "$file" 'FLAGS.*(NOW|BIND_NOW)' -d || good=1; say $good "$file: functions are bound late (-z now)"
    good=0; has "$file" 'GNU_RELRO' -l || good=1; say $good "$file: no -z relro"
    good=0; has "$file" 'GNU_STACK.* RW ' -l || good=1; say $good "$file: an executable stack"
    good=0; has "$file" 'Type: +DYN' -h || good=1; say $good "$file: not position-independent"
done
for file in "$build/shoplane" "$build/shoplane-demo"; do
    good=0; has "$file" 'UND __stack_chk_fail' --dyn-syms || good=1; say $good "$file: no stack protector"
    good=0; has "$file" 'UND __(memcpy|memset|snprintf|vsnprintf|fprintf)_chk' --dyn-syms || good=1; say $good "$file: no _FORTIFY_SOURCE"
done
# Level 3 does not show in a program, nor whether it was all of it that was compiled so.
python3 - "$build/compile_commands.json" <<'END' || failed=1
import json, sys
bad = [each["file"] for each in json.load(open(sys.argv[1])) if "/host/" in each["file"] or "/sdk/testhost/" in each["file"]
       if "-D_FORTIFY_SOURCE=3" not in each["command"] or "-fstack-protector-strong" not in each["command"]]
for file in bad:
    print(f"FAIL  {file}: compiled without -D_FORTIFY_SOURCE=3 -fstack-protector-strong")
sys.exit(len(bad) > 0)
END
[ "$failed" -eq 0 ] && echo "${#files[@]} files are hardened"
exit $failed
