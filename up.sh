#!/usr/bin/env bash
# Builds and runs the whole of Shoplane on this machine, without Docker: Redis, a Kafka broker, simulated shoppers, the host
# from Kafka to Redis, and a live table of a few shoppers' features. Ctrl-C ends all of it.
#
#   ./up.sh [OPTIONS]
#
#   --seconds N          end after N seconds, with a summary; default: until Ctrl-C
#   --rate N             simulated events a second; default 200
#   --workers N          threads of the host; default 1
#   --kill-every N       kill -9 the host every N seconds and start it again: nothing is lost
#   --brokers HOST:PORT  your Kafka (plaintext), in place of one that is started here; the topic is shoplane-demo
#   --redis HOST:PORT    your Redis; HOST:PORT/DATABASE chooses a database, default 0
#   --help
#
# Redis: the one at 127.0.0.1:6379 if it answers, in a database of it that is empty; else one is started, and stopped at the
# end. Kafka: Apache Kafka where Java (17 or newer) and Maven are there, else the embedded broker of librdkafka. Missing
# packages are installed first (packages.sh; root or sudo). What it starts lives in a temporary folder and goes with it; if
# something fails, the folder stays for its logs. Status 0: features arrived in Redis.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

build=${SHOPLANE_BUILD:-$PWD/build} # another build folder: for the tests
seconds="" rate=200 workers=1 brokers="" redis="" kill_every=""

usage() { sed -n '2,20s/^# \{0,1\}//p' "$PWD/up.sh"; }

refuse() { # WHAT, FOUND, ADVICE: as the programs do
    printf 'up.sh: %s\n  found    %s\n  do this  %s\n' "$1" "$2" "$3" >&2
    exit 2
}
whole() { # OPTION, VALUE, LEAST, MOST
    [[ $2 =~ ^[1-9][0-9]{0,8}$ ]] && (($2 >= $3 && $2 <= $4)) ||
        refuse "the value of $1 can't be used" "$2" "give a whole number from $3 to $4"
}
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --seconds | --rate | --workers | --kill-every | --brokers | --redis)
        [ $# -gt 1 ] || refuse "an option lacks its value" "$1" "see ./up.sh --help"
        case $1 in
        --seconds) whole "$1" "$2" 1 1000000 && seconds=$2 ;;
        --rate) whole "$1" "$2" 1 100000 && rate=$2 ;;
        --workers) whole "$1" "$2" 1 256 && workers=$2 ;;
        --kill-every) whole "$1" "$2" 1 86400 && kill_every=$2 ;;
        --brokers)
            [[ $2 =~ ^[][A-Za-z0-9.:,_-]+:[0-9]+$ ]] || refuse "the value of $1 can't be used" "$2" "give HOST:PORT"
            brokers=$2 ;;
        --redis)
            [[ $2 =~ ^[A-Za-z0-9.:_-]+:[0-9]+(/[0-9]+)?$ ]] ||
                refuse "the value of $1 can't be used" "$2" "give HOST:PORT or HOST:PORT/DATABASE"
            redis=$2 ;;
        esac
        shift ;;
    *) refuse "that is not known" "$1" "see ./up.sh --help" ;;
    esac
    shift
done

# --- ending -----------------------------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/shoplane-up.XXXXXX")
interrupted="" failed=""
ticker_pid="" step_pid="" watch_pid="" producer_pid="" host_pid="" redis_pid="" broker_pid="" killer_pid="" apache=""

end_process() { # PID SIGNAL LIMIT_S: our child; the signal goes to its whole group
    local i
    [ -n "$1" ] || return 0
    kill "-$2" -- "-$1" 2>/dev/null || kill "-$2" "$1" 2>/dev/null || true
    for ((i = 0; i < $3 * 20; i++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL -- "-$1" 2>/dev/null || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

end_all() { # in the order of the stream, so that nobody misses somebody who is gone
    end_process "$ticker_pid" TERM 1
    end_process "$step_pid" TERM 5
    end_process "$watch_pid" TERM 5
    end_process "$producer_pid" TERM 8
    end_process "$killer_pid" TERM 1
    end_process "$host_pid" TERM 10
    forget_owner
    end_process "$redis_pid" TERM 5
    end_process "$broker_pid" TERM 5
    [ -z "$apache" ] || tests/kafka/broker.sh kill "$work/kafka" >/dev/null 2>&1 || true
    step_pid="" watch_pid="" producer_pid="" host_pid="" redis_pid="" broker_pid="" killer_pid="" apache=""
}

# What the host leaves in Redis for the next start on its state, which goes with the folder.
forget_owner() {
    [ -n "${redis_port:-}" ] && [ -n "${topic:-}" ] || return 0
    ask -n "${database:-0}" del "shoplane:{$topic}:"{lease,epoch,last,connections,fence} >/dev/null || true
}

on_exit() {
    local status=$?
    trap '' INT TERM HUP
    end_all
    if [ -n "$failed" ]; then
        rm -rf "$work/kafka/data"
        echo "the logs are in $work" >&2
    else
        rm -rf "$work"
    fi
    exit "$status"
}
on_signal() { # the table ends with its summary; without one, all ends
    interrupted=yes
    if [ -n "$watch_pid" ]; then kill -TERM "$watch_pid" 2>/dev/null || true; else exit 130; fi
}
trap on_exit EXIT
trap on_signal INT TERM HUP

# die WHAT [LOG]: it failed; the end of the log says why.
die() {
    echo "up.sh: $1" >&2
    if [ -n "${2:-}" ] && [ -s "$2" ]; then
        failed=yes
        echo "  the end of $2:" >&2
        tail -n 20 "$2" | sed 's/^/    /' >&2
    fi
    exit 1
}

# --- showing that something happens -----------------------------------------------------------------------------------

terminal=""
[ -t 1 ] && terminal=yes

# step TEXT LOG COMMAND...: run it; while that takes, the last line of its log and the time, on a terminal twice a second,
# else every ten seconds. Returns its status.
step() {
    local text=$1 log=$2 start=$SECONDS said=$SECONDS last status=0
    shift 2
    : >"$log"
    setsid "$@" >"$log" 2>&1 </dev/null &
    step_pid=$!
    while kill -0 "$step_pid" 2>/dev/null; do
        if [ -n "$terminal" ]; then
            last=$(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c1-48)
            printf '\r%-28s %3d s  %s\033[K' "$text" $((SECONDS - start)) "$last"
        elif ((SECONDS - said >= 10)); then
            said=$SECONDS
            printf '%-28s %3d s  %s\n' "$text" $((SECONDS - start)) "$(tail -n 1 "$log" | cut -c1-60)"
        fi
        sleep 0.2 || true
    done
    wait "$step_pid" || status=$?
    step_pid=""
    [ -z "$terminal" ] || printf '\r\033[K'
    return $status
}

done_with() { printf '%-10s %s\n' "$1" "$2"; }

# await SECONDS PID COMMAND...: until the command succeeds; fails when the time is over or the process is gone.
await() {
    local i limit=$(($1 * 20)) pid=$2
    shift 2
    for ((i = 0; i < limit; i++)); do
        "$@" && return 0
        [ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# --- packages and build -----------------------------------------------------------------------------------------------

if command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
    # in the foreground: sudo may ask for a password, and apt is not to be torn apart
    setsid bash -c 'while sleep 10; do echo "packages   still at it after $SECONDS s"; done' </dev/null &
    ticker_pid=$! packages_start=$SECONDS
    ./packages.sh run || die "the packages could not be installed"
    end_process "$ticker_pid" TERM 1
    ticker_pid=""
    ((SECONDS - packages_start < 2)) || done_with packages "$((SECONDS - packages_start)) s"
else
    echo "packages   not Debian or Ubuntu: taken for granted (the list is in packages.sh)"
fi
if [ -z "${SHOPLANE_BUILD:-}" ]; then
    step "configuring" "$work/build.log" cmake --preset release || die "the build could not be configured" "$work/build.log"
fi
build_start=$SECONDS
step "building" "$work/build.log" cmake --build "$build" --target shoplane shoplane-demo plugins/all ||
    die "the build failed" "$work/build.log"
done_with build "$(("$SECONDS" - build_start)) s, in ${build#"$PWD"/}"

# --- Redis ------------------------------------------------------------------------------------------------------------

ask() { timeout 5 redis-cli -h "$redis_host" -p "$redis_port" "$@" 2>/dev/null; }
answers() { [ "$(ask ping)" = PONG ]; }
free_port() { # below the range that the kernel gives to outgoing connections
    local port
    while :; do
        port=$((RANDOM % 12000 + 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# A database of a stranger's Redis that nobody uses: the first that is empty, or holds what we left there. In $database.
marker=shoplane-demo:up
find_database() {
    for ((database = 0; database < 16; database++)); do
        if [ "$(ask -n "$database" dbsize)" = 0 ] || [ "$(ask -n "$database" exists $marker)" = 1 ]; then
            [ "$(ask -n "$database" set $marker 1 ex 90000)" = OK ] && return 0
        fi
    done
    return 1
}

start_redis() {
    local try
    redis_host=127.0.0.1 database=0
    for try in 1 2 3 4 5; do
        redis_port=$(free_port)
        setsid redis-server --bind 127.0.0.1 --port "$redis_port" --save '' --appendonly no --dir "$work" --daemonize no \
            >"$work/redis.log" 2>&1 </dev/null &
        redis_pid=$!
        if await 10 "$redis_pid" answers && kill -0 "$redis_pid" 2>/dev/null; then
            return 0
        fi
        end_process "$redis_pid" KILL 1
        redis_pid=""
        grep -q 'Address already in use' "$work/redis.log" || break # somebody was faster: another port
    done
    die "redis-server did not start (try $try)" "$work/redis.log"
}

redis_host=127.0.0.1 redis_port=6379 database=0
if [ -n "$redis" ]; then
    [[ $redis != */* ]] || database=${redis##*/}
    redis=${redis%%/*}
    redis_host=${redis%:*} redis_port=${redis##*:}
    [ "$(ask -n "$database" ping)" = PONG ] || die "no Redis answers at $redis, database $database (one without a password)"
    done_with Redis "$redis_host:$redis_port, database $database, as told; its keys go by themselves within 25 hours"
elif answers && find_database; then
    done_with Redis "$redis_host:$redis_port answers: database $database, which was empty; its keys go within 25 hours"
else
    start_redis
    done_with Redis "started for this; look into it with: redis-cli -p $redis_port"
fi

# --- Kafka ------------------------------------------------------------------------------------------------------------

# Sets $why if Apache Kafka can't be started here.
apache_possible() {
    local version
    command -v java >/dev/null 2>&1 || { why="there is no Java"; return 1; }
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${version:-0}" -ge 17 ] || { why="Java is version ${version:-unknown}, not 17 or newer"; return 1; }
    step "Apache Kafka from Maven" "$work/kafka-jars.log" tests/kafka/broker.sh available "$build" ||
        { why=$(tail -n 1 "$work/kafka-jars.log"); return 1; }
}

apache_topic() { # a demo that runs over night must not fill the disk
    java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        -cp "$(cat "$work/kafka/jars")/*" org.apache.kafka.tools.TopicCommand --bootstrap-server "$brokers" --create \
        --topic "$topic" --partitions "$partitions" --replication-factor 1 \
        --config retention.bytes=33554432 --config segment.bytes=16777216
}

topic=snowplow-enriched-good partitions=8 start=earliest why=""
if [ -n "$brokers" ]; then
    topic=shoplane-demo start=latest
    step "making the topic" "$work/topic.log" "$build/shoplane-demo" produce /dev/null --brokers "$brokers" --topic $topic \
        --partitions $partitions || die "your broker can't be used" "$work/topic.log"
    done_with Kafka "$brokers, as told; topic $topic, which stays there"
elif apache_possible; then
    mkdir "$work/kafka"
    apache=yes
    step "starting Apache Kafka" "$work/kafka-start.log" tests/kafka/broker.sh start "$work/kafka" "$build" ||
        die "Apache Kafka did not start" "$work/kafka-start.log"
    brokers=$(cat "$work/kafka/address")
    export -f apache_topic
    export work brokers topic partitions
    step "making the topic" "$work/topic.log" bash -c apache_topic || die "the topic could not be made" "$work/topic.log"
    done_with Kafka "Apache Kafka, started for this at $brokers"
else
    ((rate < 1000)) && partitions=16 || partitions=64 # it keeps 5 MiB of a partition
    setsid "$build/shoplane-demo" broker --topic "$topic:$partitions" --port-file "$work/broker" \
        >"$work/broker.log" 2>&1 </dev/null &
    broker_pid=$!
    await 10 "$broker_pid" test -s "$work/broker" || die "the embedded broker did not start" "$work/broker.log"
    brokers=$(cat "$work/broker")
    done_with Kafka "the embedded broker at $brokers, in memory; no Apache Kafka: $why"
fi

# --- the host, and shoppers -------------------------------------------------------------------------------------------

config=$work/shoplane.conf
sed -e "s|^workers = .*|workers = $workers;|" \
    -e "/^source: {/,/^};/{s|^    brokers = .*|    brokers = \"$brokers\";|;s|^    topic = .*|    topic = \"$topic\";|
        s|^    start = .*|    start = \"$start\";|}" \
    -e "/^sink: {/,/^};/{s|^    host = .*|    host = \"$redis_host\";|;s|^    port = .*|    port = $redis_port;|
        s|^    database = .*|    database = $database;|}" \
    -e "/^dead_letters: {/,/^};/s|^    topic = .*|    file = \"$work/dead-letters.jsonl\";|" \
    -e "/^# state: {/,/^# };/{s|^# \{0,1\}||;s|^    folder = .*|    folder = \"$work/state\";|;s|^    interval = .*|    interval = \"1s\";|}" \
    config/shoplane.conf >"$config"
for line in "brokers = \"$brokers\";" "topic = \"$topic\";" "start = \"$start\";" "host = \"$redis_host\";" \
    "port = $redis_port;" "database = $database;" "folder = \"$work/state\";" "file = \"$work/dead-letters.jsonl\";" "workers = $workers;"; do
    grep -qF "$line" "$config" || die "config/shoplane.conf was changed so that up.sh can't fill in: $line"
done
unset SHOPLANE_CONFIG SHOPLANE_PLUGINS
touch "$work/host.log"
"$build/shoplane" check --config "$config" >"$work/check.log" 2>&1 || die "the configuration is refused" "$work/check.log"

start_host() {
    setsid "$build/shoplane" run --config "$config" >>"$work/host.log" 2>&1 </dev/null &
    host_pid=$!
}
start_host
await 30 "$host_pid" grep -q 'running with' "$work/host.log" || die "the host did not start" "$work/host.log"
done_with host "shoplane run: the lanes of config/shoplane.conf, $workers worker$([ "$workers" = 1 ] || echo s)"

setsid "$build/shoplane-demo" produce --live --rate "$rate" --dirty 0.5% --brokers "$brokers" --topic "$topic" \
    >"$work/producer.log" 2>&1 </dev/null &
producer_pid=$!
done_with shoppers "simulated, $rate events/s, 1 in 200 lines broken on purpose"
kills=0
if [ -n "$kill_every" ]; then
    setsid sleep "$kill_every" &
    killer_pid=$!
    done_with 'kill -9' "the host, every $kill_every s; it is started again at once"
fi
echo

"$build/shoplane-demo" watch --brokers "$brokers" --topic "$topic" --redis "$redis_host:$redis_port/$database" \
    ${seconds:+--seconds "$seconds"} 2>"$work/watch.log" </dev/null &
watch_pid=$!
while kill -0 "$watch_pid" 2>/dev/null; do
    # shellcheck disable=SC2086 # two of them may be empty
    wait -n "$watch_pid" "$host_pid" "$producer_pid" $redis_pid $broker_pid $killer_pid 2>/dev/null || true
    gone=""
    if [ -n "$killer_pid" ] && ! kill -0 "$killer_pid" 2>/dev/null && kill -0 "$watch_pid" 2>/dev/null; then
        { end_process "$host_pid" KILL 5; } 2>/dev/null # bash would tell of it
        kills=$((kills + 1))
        start_host
        setsid sleep "$kill_every" &
        killer_pid=$!
    fi
    for name in host producer redis broker; do
        pid=${name}_pid
        [ -z "${!pid}" ] || kill -0 "${!pid}" 2>/dev/null || gone=$name
    done
    if [ -n "$gone" ]; then
        end_process "$watch_pid" TERM 5
        watch_pid=""
        die "the $gone ended by itself" "$work/$gone.log"
    fi
done
status=0
wait "$watch_pid" || status=$?
watch_pid=""
end_process "$producer_pid" TERM 8
producer_pid=""
end_process "$killer_pid" TERM 1
killer_pid=""
end_process "$host_pid" TERM 10
host_pid=""
[ "$kills" = 0 ] || echo "killed      $kills times, and started again from its state each time"
sed -n '/^shoplane: [0-9]* messages/,/^  dead /p' "$work/host.log" | sed '1s/^shoplane: /host        /; 2,$s/^  /            /'
if [ "$status" -ne 0 ]; then
    cat "$work/watch.log" >&2
    [ -z "$interrupted" ] || exit 130
    die "no features arrived in Redis" "$work/host.log"
fi
