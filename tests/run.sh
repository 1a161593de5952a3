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
# is in build/test-logs/NAME. Tests wait more than they work: some run at a time, one more than there are cores. Leaves
# nothing outside of build*/. The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."

only="" long="" install=yes
while [ $# -gt 0 ]; do
    case $1 in
    --only) only=${2:?--only takes a word}; shift ;;
    --long) long=yes ;;
    --no-install) install="" ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

logs=$PWD/build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
counts=$logs/.counts # a word a test; also the lock of those who write it, or to the terminal
: >"$counts"
at_once=$(($(nproc) + 1))

# result NAME STATUS SECONDS: count it, say it, show why.
result() { (flock 9 && say_result "$@") 9<"$counts"; }
say_result() {
    local status=$2
    # In CI a broker that is not there is a failure: what must be believed is tested on Apache Kafka.
    [[ -n ${CI:-} && $status -eq 77 && $1 =~ apache|end_to_end|outages ]] && status=1
    case $status in
    0) echo passed >>"$counts"; printf 'pass  %-44s %5s s\n' "$1" "$3" ;;
    77) echo skipped >>"$counts"; printf 'SKIP  %-44s %s\n' "$1" "$(tail -n 1 "$logs/$1")" ;;
    *) echo failed >>"$counts"; printf 'FAIL  %-44s %5s s, status %s; the end of build/test-logs/%s:\n' "$1" "$3" "$2" "$1"
       tail -n 40 "$logs/$1" | sed 's/^/      /' ;;
    esac
}

summary() {
    wait
    echo "$(grep -c passed "$counts") passed, $(grep -c failed "$counts") failed, $(grep -c skipped "$counts") skipped"
    ! grep -q failed "$counts"
}

# check NAME COMMAND...: one test, with a limit, beside others.
check() {
    [[ -n $only && $1 != *"$only"* ]] && return
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do
        wait -n
    done
    one "$@" &
}
# alone NAME COMMAND...: one that looks at how long things take, or at all that runs.
alone() {
    [[ -n $only && $1 != *"$only"* ]] && return
    wait
    one "$@"
}
one() {
    local name=$1 start=$SECONDS
    shift
    timeout --kill-after=10 "${limit:-600}" "$@" >"$logs/$name" 2>&1 </dev/null
    result "$name" $? $((SECONDS - start))
}

# need NAME COMMAND...: without it nothing below makes sense.
need() {
    local name=$1 start=$SECONDS
    shift
    if ! "$@" >"$logs/$name" 2>&1; then
        result "$name" 1 $((SECONDS - start))
        summary
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
kafka_is_plain=$TSAN_OPTIONS:suppressions=$PWD/tests/sanitize/kafka.supp # for hosts that read Kafka

# compiled BUILD [PREFIX [EXCEPT]]: every test that CMake knows in a build folder, but those whose name matches EXCEPT.
compiled() {
    local prefix=${2:-} except=${3:-} line number name status list
    local -A names=()
    while read -r line; do
        [[ $line =~ ^Test\ *\#([0-9]+):\ (.*)$ ]] || continue
        number=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]}
        [[ -n $except && $name =~ $except ]] && continue
        [[ -n $only && $prefix$name != *"$only"* ]] && continue
        names[$number]=$name
    done < <(ctest --test-dir "$1" -N)
    [ ${#names[@]} -gt 0 ] || return 0
    list=$(printf '%s\n' "${names[@]}" | paste -sd'|')
    while IFS= read -r line; do
        if [[ $line =~ ^([0-9]+):\ (.*)$ && -n ${names[${BASH_REMATCH[1]}]:-} ]]; then # what it prints
            printf '%s\n' "${BASH_REMATCH[2]}" >>"$logs/$prefix${names[${BASH_REMATCH[1]}]}"
        elif [[ $line =~ ^\ *[0-9]+/[0-9]+\ Test\ +\#([0-9]+):\ [^\ ]+\ (.*)\ +([0-9]+)\.[0-9]+\ sec ]]; then
            name=$prefix${names[${BASH_REMATCH[1]}]}
            touch "$logs/$name"
            case ${BASH_REMATCH[2]} in
            *Passed*) status=0 ;;
            *Skipped*) status=77 ;;
            *) status=1 ;;
            esac
            unset "names[${BASH_REMATCH[1]}]"
            result "$name" $status "${BASH_REMATCH[3]}"
        fi
    done < <(ctest --test-dir "$1" -V -j "$at_once" --timeout "${limit:-600}" -R "^($list)\$" 2>&1 </dev/null)
    for name in "${names[@]}"; do # ctest itself did not come through
        touch "$logs/$prefix$name"
        result "$prefix$name" 1 0
    done
}

compiled build-debug
compiled build-asan asan_ '^(golden|ingest_.*_apache)$'
compiled build-tsan tsan_ '^(golden|ingest_|integration_|demo_|unit_dead_letters)'

# Features: against cases made by hand, and against a slow model of the rules.
check golden_cases build/shoplane plugin test --plugins build/plugins plugins tests/golden
check plugin_test python3 -B tests/integration/plugin_test.py build
check golden_checkout python3 -B tests/golden/successful_checkout.py build
check golden_day python3 -B tests/property/golden_day.py build
check property_model python3 -B tests/property/test_model.py
check property_kafka python3 -B tests/property/kafka.py build --streams "$([ -n "$long" ] && echo 300 || echo 12)"
check property_streams python3 -B tests/property/run.py build --streams "$([ -n "$long" ] && echo 5000 || echo 150)"
check asan_golden_cases build-asan/shoplane plugin test --plugins build-asan/plugins plugins tests/golden
check asan_property_streams python3 -B tests/property/run.py build-asan --seed 100000 --streams "$([ -n "$long" ] && echo 500 || echo 25)"
check tsan_property_streams python3 -B tests/property/run.py build-tsan --seed 200000 --streams "$([ -n "$long" ] && echo 500 || echo 25)"

# Parsing, against the analytics SDK.
check parse_corpus tests/integration/parse_corpus.sh build
check parse_oracle tests/integration/parse_oracle.sh build
check generate_valid tests/integration/generate_valid.sh build
check odd_values python3 -B tests/integration/odd_values.py build

# The whole path, with real servers.
for script in unread reload outages end_to_end filling memory_bound commands state_command dead_letters; do
    check "$script" python3 -B "tests/integration/$script.py" build
done
check kafka_rights_apache python3 -B tests/integration/kafka_rights.py build
check state_faults python3 -B tests/integration/state_faults.py build ${long:+--long}
# Everything that can go wrong, again and again; a failure says how to do it again.
torture() { # NAME BUILD OPTIONS...
    local name=$1
    shift
    check "$name" python3 -B tests/integration/torture.py "$@"
}
torture torture_mock build --broker mock --rounds 10
torture torture_apache build --broker apache --rounds 6
torture asan_torture build-asan --broker mock --seed 2 --rounds 3
TSAN_OPTIONS=$kafka_is_plain torture tsan_torture build-tsan --broker mock --seed 3 --rounds 3
[ -n "$long" ] && limit=3600 torture torture_long build --seed 100 --seeds 18 --rounds 15
check asan_end_to_end python3 -B tests/integration/dead_letters.py build-asan
check asan_reload python3 -B tests/integration/reload.py build-asan
check crash python3 -B tests/integration/crash.py build
check install tests/integration/install.sh build
check service python3 -B tests/integration/service.py build
check hardened tests/integration/hardened.sh build
alone live python3 -B tests/integration/live.py build
check clocks python3 -B tests/integration/clocks.py build
check examples tests/integration/examples.sh build
check asan_examples tests/integration/examples.sh build-asan
check guide python3 -B tests/integration/guide.py build
check plugin_kit python3 -B tests/integration/plugin_kit.py build
check plugin_check python3 -B tests/integration/plugin_check.py build
check needs python3 -B tests/integration/needs.py build
check one_file python3 -B tests/integration/one_file.py build
check plugin_validate python3 -B tests/integration/plugin_validate.py build
check asan_plugin_validate python3 -B tests/integration/plugin_validate.py build-asan --right
check rust_plugin python3 -B tests/integration/rust_plugin.py build
check reference python3 -B tests/integration/reference.py
check sdk_compat python3 -B tests/integration/sdk_compat.py build
check asan_sdk_compat python3 -B tests/integration/sdk_compat.py build-asan
check explain python3 -B tests/integration/explain.py build
TSAN_OPTIONS=$kafka_is_plain check tsan_explain python3 -B tests/integration/explain.py build-tsan
check shadow python3 -B tests/integration/shadow.py build
check asan_shadow python3 -B tests/integration/shadow.py build-asan --only counted
TSAN_OPTIONS=$kafka_is_plain check tsan_shadow python3 -B tests/integration/shadow.py build-tsan --only differs
check own_keys python3 -B tests/integration/own_keys.py build
check asan_own_keys python3 -B tests/integration/own_keys.py build-asan
check audit python3 -B tests/integration/audit.py build
TSAN_OPTIONS=$kafka_is_plain check tsan_audit python3 -B tests/integration/audit.py build-tsan
alone up tests/integration/up.sh build
alone readme python3 -B tests/integration/readme.py build

# Every reader of outside bytes, for a while. What it finds ends it with status 1: by itself that would be 77.
for target in build-asan/tests/fuzz_*; do
    [ -x "$target" ] || continue
    name=$(basename "$target")
    mkdir -p "build-asan/fuzz/$name"
    corpus=tests/fuzz/corpus/${name#fuzz_}
    [ "$name" = fuzz_plugin_elf ] && corpus=build/tests/wrong_plugins/lanes # as a compiler makes them
    check "$name" "$target" -max_total_time="$([ -n "$long" ] && echo 900 || echo 15)" -timeout=10 -timeout_exitcode=1 \
        -error_exitcode=1 -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="build-asan/fuzz/$name-" "build-asan/fuzz/$name" \
        "$corpus"
done

[ -z "$only" ] && alone bench python3 -B tests/bench/bench.py build --events 50000 --shoppers 10000 --runs 1

summary
