#!/usr/bin/env bash
# A real Apache Kafka for tests and for the demo: one process, broker and controller (KRaft), on loopback only.
#
#   broker.sh available [BUILD_DIR]     0 if a broker can be started here; else 1 and the reason on standard output
#   broker.sh start DIR [BUILD_DIR]     start one with its data in DIR; prints its address, 127.0.0.1:PORT
#   broker.sh stop DIR                  stop it properly; nothing to do if it does not run
#   broker.sh kill DIR                  SIGKILL, as a power cut
#   broker.sh restart DIR               stop if it runs, start again with the same ports and data; prints the address
#   broker.sh topic DIR NAME PARTITIONS [--config SETTING=VALUE]   make a topic; fine if it exists
#   broker.sh grow DIR NAME PARTITIONS  give a topic more partitions
#   broker.sh acl DIR WORDS...          change access lists (kafka-acls); everybody is User:ANONYMOUS, and may what no list forbids
#
# The jars come from Maven Central, once, into BUILD_DIR/kafka (default: `build` in the checkout); with them there, or in
# Maven's own store, no network is needed. DIR holds everything else: server.properties, data/, pid, broker.log. The ports
# are free ones chosen at the first start, and kept. Quiet but for the address; a failure says why on standard error and
# shows the end of the log. SHOPLANE_KAFKA_HEAP (default 384m) is the broker's memory.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
start_limit_s=60
stop_limit_s=20

fail() { echo "broker.sh: $*" >&2; exit 1; }
usage() { sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

# --- the jars ---------------------------------------------------------------------------------------------------------

# Sets $reason and fails if there is no way to get them. Several tests may ask at once: one downloads, the others wait.
jars_ready() {
    local build=$1 jars=$1/kafka maven_log
    command -v java >/dev/null || { reason="no java: install a Java runtime, 11 or newer (Debian: openjdk-17-jre-headless)"; return 1; }
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -1)
    [[ ${version:-0} -ge 11 ]] || { reason="java is version ${version:-unknown}, Kafka needs 11 or newer"; return 1; }
    cmp -s "$here/pom.xml" "$jars/pom.xml" && return 0
    command -v mvn >/dev/null || { reason="the jars are not in $jars and there is no mvn to get them (Debian: maven)"; return 1; }
    maven_log=$build/kafka-download.log
    (
        flock 9
        cmp -s "$here/pom.xml" "$jars/pom.xml" && exit 0
        rm -rf "$jars"
        for offline in -o ""; do
            # shellcheck disable=SC2086 # empty on purpose
            if mvn -q -B $offline -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" \
                >"$maven_log" 2>&1 </dev/null; then
                cp "$here/pom.xml" "$jars/pom.xml" && exit 0 # last: it says that all are there
            fi
        done
        exit 1
    ) 9>"$build/kafka.lock" || { reason="mvn could not get Kafka's jars, see $maven_log: $(grep -m1 ERROR "$maven_log" | cut -c1-200)"; return 1; }
}

kafka_tool() { # jars, main class, arguments; a short life: no optimising compiler
    local jars=$1
    shift
    java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$jars/*" "$@"
}

# --- one broker -------------------------------------------------------------------------------------------------------

running() { # is the process of the pid file alive, and is it ours?
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) && [[ -n $pid ]] && tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" |
        grep -qxF -e "-Dshoplane.broker=$1" 2>/dev/null
}

gone_within() { # pid, tenths of a second
    local i
    for ((i = 0; i < $2; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        [[ $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) != Z ]] || return 0
        sleep 0.1
    done
    return 1
}

free_port() { # below the range the kernel gives to outgoing connections
    local port
    while :; do
        port=$((RANDOM % 12000 + 20000))
        if [[ $port != "${1:-}" ]] && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

write_properties() {
    local dir=$1 port controller
    port=$(free_port)
    controller=$(free_port "$port")
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$dir/data
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=2
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
log.retention.hours=-1
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=2500
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
PROPERTIES
    echo "127.0.0.1:$port" >"$dir/address"
}

launch() { # dir: start, and wait until it serves; 2: a port was taken meanwhile
    local dir=$1 jars pid i
    jars=$(cat "$dir/jars")
    : >"$dir/broker.log"
    (
        for fd in /proc/self/fd/*; do # a caller's pipe or lock must not stay open in the broker
            fd=${fd##*/}
            ((fd < 3)) || eval "exec $fd>&-"
        done
        exec setsid java -Xms64m -Xmx"${SHOPLANE_KAFKA_HEAP:-384m}" -XX:+UseSerialGC \
            -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
            -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
            -Dshoplane.broker="$dir" -cp "$jars/*" kafka.Kafka "$dir/server.properties"
    ) </dev/null >>"$dir/broker.log" 2>&1 &
    pid=$!
    echo "$pid" >"$dir/pid"
    for ((i = 0; i < start_limit_s * 20; i++)); do
        grep -q 'Kafka Server started' "$dir/broker.log" && return 0
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$dir/pid"
            grep -qE 'Address already in use|BindException' "$dir/broker.log" && return 2
            return 1
        fi
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$dir/pid"
    return 1
}

show_log() {
    tail -n 30 "$1" >&2 || true
}

start_again() { # a DIR that was started before
    local dir=$1
    [[ -f $dir/server.properties ]] || fail "$dir was never started: there is no server.properties in it"
    if ! running "$dir"; then
        launch "$dir" || { show_log "$dir/broker.log"; fail "the broker did not start, see $dir/broker.log"; }
    fi
    cat "$dir/address"
}

start_first() {
    local dir=$1 status try
    for try in 1 2 3 4 5; do
        rm -rf "$dir/data" # of a start that failed
        write_properties "$dir"
        kafka_tool "$(cat "$dir/jars")" kafka.tools.StorageTool format -t c2hvcGxhbmUtYnJva2VyMQ -c "$dir/server.properties" \
            >"$dir/format.log" 2>&1 || { show_log "$dir/format.log"; rm "$dir/server.properties"; fail "cannot format $dir/data"; }
        status=0
        launch "$dir" || status=$?
        case $status in
        0) cat "$dir/address"; return ;;
        2) ;; # somebody took a port between our look and the broker's: other ports
        *) break ;;
        esac
    done
    show_log "$dir/broker.log"
    mv "$dir/server.properties" "$dir/server.properties.failed"
    fail "the broker did not start (try $try), see $dir/broker.log"
}

end_by() { # dir, signal, limit in tenths of a second
    local pid
    running "$1" || { rm -f "$1/pid"; return 0; }
    pid=$(cat "$1/pid")
    kill "-$2" "$pid" 2>/dev/null || true
    gone_within "$pid" "$3" || { kill -KILL "$pid" 2>/dev/null || true; gone_within "$pid" 50 || fail "process $pid does not end"; }
    rm -f "$1/pid"
}

absolute() { # of a folder that exists
    [[ -d ${1:-} ]] || fail "no folder \"${1:-}\""
    (cd "$1" && pwd)
}

use_build() { # the folder of the build, made absolute: mvn takes it relative to the pom
    mkdir -p "$1" || fail "cannot make the folder $1"
    build=$(absolute "$1")
}

reason=
build=
default_build=${SHOPLANE_BUILD:-$here/../../build}
case ${1:-} in
available)
    use_build "${2:-$default_build}"
    jars_ready "$build" || { echo "$reason"; exit 1; }
    ;;
start)
    [[ $# -ge 2 ]] || usage
    use_build "${3:-$default_build}"
    jars_ready "$build" || fail "no Kafka: $reason"
    mkdir -p "$2"
    dir=$(absolute "$2")
    echo "$build/kafka" >"$dir/jars"
    if [[ -f $dir/server.properties ]]; then start_again "$dir"; else start_first "$dir"; fi
    ;;
stop | kill | restart)
    [[ $# -eq 2 ]] || usage
    dir=$(absolute "$2")
    if [[ $1 == kill ]]; then end_by "$dir" KILL 50; else end_by "$dir" TERM $((stop_limit_s * 10)); fi
    [[ $1 != restart ]] || start_again "$dir"
    ;;
topic)
    [[ $# -ge 4 ]] || usage
    dir=$(absolute "$2")
    running "$dir" || fail "the broker of $dir does not run"
    kafka_tool "$(cat "$dir/jars")" org.apache.kafka.tools.TopicCommand --bootstrap-server "$(cat "$dir/address")" --create \
        --if-not-exists --topic "$3" --partitions "$4" --replication-factor 1 "${@:5}" >"$dir/topic.log" 2>&1 ||
        { show_log "$dir/topic.log"; fail "cannot make topic $3"; }
    ;;
grow)
    [[ $# -eq 4 ]] || usage
    dir=$(absolute "$2")
    running "$dir" || fail "the broker of $dir does not run"
    kafka_tool "$(cat "$dir/jars")" org.apache.kafka.tools.TopicCommand --bootstrap-server "$(cat "$dir/address")" --alter \
        --topic "$3" --partitions "$4" >"$dir/topic.log" 2>&1 || { show_log "$dir/topic.log"; fail "cannot grow topic $3"; }
    ;;
acl)
    [[ $# -ge 3 ]] || usage
    dir=$(absolute "$2")
    running "$dir" || fail "the broker of $dir does not run"
    kafka_tool "$(cat "$dir/jars")" kafka.admin.AclCommand --bootstrap-server "$(cat "$dir/address")" "${@:3}" >"$dir/acl.log" 2>&1 ||
        { show_log "$dir/acl.log"; fail "cannot change access lists"; }
    ;;
*) usage ;;
esac
