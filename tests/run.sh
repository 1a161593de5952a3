#!/usr/bin/env bash
# Everything that can be tested on this machine, from nothing: installs what is missing, builds four times (gcc release, gcc
# debug with warnings as errors, clang with AddressSanitizer and UndefinedBehaviorSanitizer, ThreadSanitizer), runs all.
#
#   tests/run.sh                 all of it
#   tests/run.sh --only WORD     only tests whose name has WORD in it (and the builds)
#   tests/run.sh --long          more random streams, longer fuzzing
#   tests/run.sh --no-install    fail where something is missing
#
# A test passes with status 0, is skipped with 77 (the last line it printed says why), and fails otherwise; what it printed
# is in build/test-logs/NAME. Leaves nothing outside of build*/. The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."

only="" long="" install=yes
while [ $# -gt 0 ]; do
    case $1 in
    --only) only=${2:?--only takes a word}; shift ;;
    --long) long=yes ;;
    --no-install) install="" ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

passed=0 failed=0 skipped=0
logs=$PWD/build/test-logs
mkdir -p "$logs"

# result NAME STATUS SECONDS: count it, say it, show why.
result() {
    case $2 in
    0) passed=$((passed + 1)); printf 'pass  %-44s %5s s\n' "$1" "$3" ;;
    77) skipped=$((skipped + 1)); printf 'SKIP  %-44s %s\n' "$1" "$(tail -n 1 "$logs/$1")" ;;
    *) failed=$((failed + 1)); printf 'FAIL  %-44s %5s s, status %s; the end of build/test-logs/%s:\n' "$1" "$3" "$2" "$1"
       tail -n 40 "$logs/$1" | sed 's/^/      /' ;;
    esac
}

# check NAME COMMAND...: one test, with a limit.
check() {
    local name=$1 start=$SECONDS
    shift
    [[ -n $only && $name != *"$only"* ]] && return
    timeout --kill-after=10 "${limit:-600}" "$@" >"$logs/$name" 2>&1 </dev/null
    result "$name" $? $((SECONDS - start))
}

# need NAME COMMAND...: without it nothing below makes sense.
need() {
    local name=$1 start=$SECONDS
    shift
    if ! "$@" >"$logs/$name" 2>&1; then
        result "$name" 1 $((SECONDS - start))
        echo "$passed passed, $failed failed, $skipped skipped"
        exit 1
    fi
    printf 'done  %-44s %5s s\n' "$name" $((SECONDS - start))
}

build() { # PRESET
    cmake --preset "$1" && cmake --build --preset "$1"
}

[ -n "$install" ] && need packages ./packages.sh test
need build-release build release
need build-debug build debug
need build-asan build asan
need build-tsan build tsan

export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

for test in build-debug/tests/unit_*; do
    check "$(basename "$test")" "$test"
done
for test in build-asan/tests/unit_*; do
    check "asan_$(basename "$test")" "$test"
done

check golden_cases python3 tests/golden/run_cases.py build
check asan_golden_cases python3 tests/golden/run_cases.py build-asan
check golden_checkout python3 tests/golden/checkout.py build
check golden_day python3 tests/property/golden_day.py build
check property_model python3 tests/property/test_model.py
check property_streams python3 tests/property/run.py build --streams "${long:+30}00"
