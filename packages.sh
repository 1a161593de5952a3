#!/usr/bin/env bash
# What Shoplane stands on, from Debian's or Ubuntu's own packages: installs what is missing, and nothing that is there.
#
#   packages.sh run     to build and run it (up.sh)
#   packages.sh test    that, and what the tests use (tests/run.sh)
#
# Needs root or sudo only if something is missing. Java and Maven are not installed: where they are, tests and demo use a
# real Apache Kafka. As is usual in Debian, a redis-server that is installed starts by itself (127.0.0.1:6379).
set -euo pipefail

build=(gcc g++ cmake ninja-build pkg-config librdkafka-dev libhiredis-dev libconfig-dev libsimdjson-dev libxxhash-dev
       libelf-dev)
run=(redis-server redis-tools)
test=(clang llvm libcmocka-dev python3 python3-venv git procps)

wanted=("${build[@]}" "${run[@]}")
[ "${1:-run}" = test ] && wanted+=("${test[@]}")

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
# clang's sanitizer and fuzzer runtimes are a package of their own where recommended packages are left out
if [ "${1:-run}" = test ] && command -v clang >/dev/null 2>&1; then
    runtime="libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    dpkg-query -W -f='${db:Status-Status}' "$runtime" 2>/dev/null | grep -qx installed || missing+=("$runtime")
fi
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "packages.sh: missing: ${missing[*]}" >&2
        echo "  do this  as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() { # quiet; others who install (a new machine updates itself) are waited for
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@" >>"$log" 2>&1
}
install() {
    apt_get install -q -y --no-install-recommends "$@" && return
    cat "$log" >&2
    printf 'packages.sh: these could not be installed: %s\n  do this  as root: apt-get install %s\n' "$*" "$*" >&2
    exit 1
}
# A source of packages that fails, often one that has nothing to do with us, need not matter: if it does, the log is shown.
for ((try = 0; try < 60; try++)); do
    apt_get update -q && break
    tail -n 2 "$log" | grep -q 'lists/lock' || break
    sleep 5
done
install "${missing[@]}"
if [ "${1:-run}" = test ]; then
    runtime="libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    if ! dpkg-query -W -f='${db:Status-Status}' "$runtime" 2>/dev/null | grep -qx installed &&
        apt-cache show "$runtime" >/dev/null 2>&1; then
        install "$runtime"
    fi
fi
