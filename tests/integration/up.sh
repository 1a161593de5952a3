#!/usr/bin/env bash
# up.sh as a stranger would run it: it says what it starts, features arrive, freshness is measured, and nothing stays behind -
# after its time, after Ctrl-C at any moment, and when a part of it dies.
#
#   up.sh BUILD_DIR
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:?the folder of a build}" && pwd) || exit 1

command -v redis-server >/dev/null && command -v redis-cli >/dev/null || { echo "no redis-server and redis-cli here"; exit 77; }
scratch=$(mktemp -d)
running="" own_redis=""
clean() {
    [ -z "$running" ] || kill -TERM "$running" 2>/dev/null
    [ -z "$own_redis" ] || kill -TERM "$own_redis" 2>/dev/null
    wait
    rm -rf "$scratch"
}
trap clean EXIT

fail() {
    echo "FAILED: $*"
    [ ! -f "$out" ] || sed 's/^/    /' "$out"
    exit 1
}
wait_for() { # SECONDS COMMAND...
    local i limit=$(($1 * 10))
    shift
    for ((i = 0; i < limit; i++)); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}
shows() { grep -Eq -- "$1" "$out" || fail "no line like \"$1\""; }

# All that up.sh starts has this in its environment, whatever its command line is; but Redis writes its title over that, and
# is known by its folder.
mark=SHOPLANE_UP_TEST=$scratch
started() {
    {
        grep -lzxF -- "$mark" /proc/[0-9]*/environ
        find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$scratch/tmp/*"
    } 2>/dev/null | cut -d/ -f3 | sort -u
}
named() { # WORD: the process whose command line begins with it
    local pid
    for pid in $(started); do
        case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in $1*) echo "$pid" && return ;; esac
    done
    return 1
}
nothing_left() {
    local pids
    pids=$(started)
    [ -z "$pids" ] || fail "still running: $(for pid in $pids; do tr '\0' ' ' <"/proc/$pid/cmdline"; echo; done)"
    [ -n "${1:-}" ] || [ -z "$(ls -A "$scratch/tmp")" ] || fail "left in the temporary folder: $(ls "$scratch/tmp")"
    rm -rf "${scratch:?}/tmp"/*
}

mkdir "$scratch/tmp" "$scratch/old"
out=$scratch/out
printf '#!/bin/sh\necho '\''openjdk version "11.0.2"'\'' >&2\n' >"$scratch/old/java"
chmod +x "$scratch/old/java"

# --default-signal: a background job of a script ignores SIGINT, and a shell can't take that back. An array and no function:
# then $! is up.sh itself.
up=(env --default-signal=INT,QUIT "$mark" TMPDIR="$scratch/tmp" SHOPLANE_BUILD="$build" "PATH=$PATH")

echo "ten seconds, with the best broker there is"
"${up[@]}" ./up.sh --seconds 10 >"$out" 2>&1 </dev/null || fail "status $?"
shows '^Redis  '
java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
if [ "${java:-0}" -ge 17 ] && tests/kafka/broker.sh available "$build" >/dev/null; then
    shows '^Kafka +Apache Kafka, started for this at 127\.0\.0\.1:[0-9]+'
else
    shows '^Kafka +the embedded broker at .*; no Apache Kafka: .'
fi
shows '^ +[0-9]+ s  [0-9]+ events/s, [0-9]+ feature writes/s, [0-9]+ keys; freshness p50 [0-9.]+ ms, p99 [0-9.]+ ms, of a change p50 [0-9.]+ ms'
shows '^events +[0-9]{4,} in 1[0-9]\.[0-9] s'
shows '^features +[0-9]{3,} writes to Redis'
shows '^freshness +p50 [0-9.]+ ms, p99 [0-9.]+ ms, max [0-9.]+ ms \([0-9]{2,} probes, 0 lost\)'
shows '^changes +p50 [0-9.]+ ms, p99 [0-9.]+ ms, max [0-9.]+ ms \([0-9]{2,} probes, 0 lost\)'
shows '^host +[0-9]{4,} messages'
nothing_left
sed -n 's/^\(Kafka\|freshness\|changes\)/    &/p' "$out"

up+=("PATH=$scratch/old:$PATH")
echo "an old Java: the embedded broker; Ctrl-C in mid-run ends it with the summary"
: >"$out" # here: the last run's lines must not be taken for this one's
"${up[@]}" ./up.sh >"$out" 2>&1 </dev/null &
running=$!
wait_for 60 grep -q 'freshness p50' "$out" || fail "no features after 60 s"
kill -INT "$running"
wait "$running" || fail "status $?"
running=""
shows '^Kafka +the embedded broker at .*; no Apache Kafka: Java is version 11'
shows '^freshness +p50 [0-9.]+ ms'
nothing_left

echo "Ctrl-C before anything arrived"
: >"$out"
"${up[@]}" ./up.sh >"$out" 2>&1 </dev/null &
running=$!
wait_for 30 grep -q '^Redis' "$out" || fail "it does not start"
kill -INT "$running"
status=0
wait "$running" || status=$?
running=""
[ "$status" = 130 ] || [ "$status" = 0 ] || fail "status $status"
nothing_left

echo "the live table, in a terminal of 80 x 24"
"${up[@]}" SHELL=/bin/bash script -qec "stty cols 80 rows 24; ./up.sh --seconds 5" "$scratch/typescript" >/dev/null 2>&1 </dev/null ||
    { status=$?; out=$scratch/typescript; fail "status $status"; }
out=$scratch/screen
tr -d '\r' <"$scratch/typescript" | sed 's/\x1b\[[?0-9;]*[a-zA-Z]/\n/g' >"$out"
shows '^ +[0-9]+ events/s +[0-9]+ feature writes/s +[0-9]+ keys in Redis'
shows 'event produced -> value readable:'
shows 'its next event -> new value readable:'
shows '^shopper +last action +5m +1h +price'
shows '^[^ ]+ +(product_view|list_view|add_to_cart|checkout_step|promo_view|list_click|transaction) '
shows '^[0-9] of 5 s; Ctrl-C ends it'
shows '^freshness +p50'
grep -q $'\033\[?1049l' "$scratch/typescript" || fail "the terminal is left on the other page"
long=$(grep -av '^Script ' "$out" | LC_ALL=C grep -av '[^ -~]' | awk 'length($0) > 80 && !/^(Kafka|host|  )/' | head -n 3)
[ -z "$long" ] || fail "wider than the terminal: $long"
out=$scratch/out
nothing_left

echo "a Redis of one's own is used as told, and left alone"
for ((port = 21000 + RANDOM % 9000; ; port++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
redis-server --bind 127.0.0.1 --port "$port" --save '' --dir "$scratch" >"$scratch/redis.log" 2>&1 &
own_redis=$!
wait_for 10 redis-cli -p "$port" ping >/dev/null 2>&1 || fail "no Redis"
redis-cli -p "$port" set mine 1 >/dev/null
"${up[@]}" ./up.sh --redis "127.0.0.1:$port/2" --workers 2 --rate 500 --seconds 4 >"$out" 2>&1 </dev/null || fail "status $?"
shows "^Redis +127.0.0.1:$port, database 2, as told"
shows '2 workers'
[ "$(redis-cli -p "$port" dbsize)" = 1 ] || fail "database 0 was written to"
[ "$(redis-cli -p "$port" -n 2 dbsize)" -gt 100 ] || fail "no features in database 2"
nothing_left

echo "nothing arrives, or a part of it dies: not 0, and it says what"
kill -TERM "$own_redis" && wait "$own_redis"
own_redis=""
"${up[@]}" ./up.sh --redis "127.0.0.1:$port" --seconds 4 >"$out" 2>&1 </dev/null && fail "status 0 without Redis"
shows "no Redis answers at 127.0.0.1:$port"
nothing_left
: >"$out"
"${up[@]}" ./up.sh --seconds 60 >"$out" 2>&1 </dev/null &
running=$!
wait_for 60 grep -q 'freshness p50' "$out" || fail "no features after 60 s"
redis=$(named redis-server) || fail "no redis-server runs"
kill -KILL "$redis"
wait "$running" && fail "status 0 after Redis was killed"
running=""
shows 'the redis ended by itself'
nothing_left but-logs

echo "what can't be understood is refused"
for wrong in "--seconds 0" "--seconds 1h" "--rate" "--brokers nowhere" "--redis localhost" "--fast" "now"; do
    # shellcheck disable=SC2086 # two words
    "${up[@]}" ./up.sh $wrong >"$out" 2>&1 </dev/null
    [ $? -eq 2 ] || fail "\"$wrong\" is not refused with status 2"
    shows '  do this  '
done
nothing_left
echo "all well"
