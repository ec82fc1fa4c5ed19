#!/usr/bin/env bash
# Measures this registry beside others with one tool, in interleaved rounds, and prints one table.
# See README.md for what the rows mean.
set -euo pipefail

usage() {
    cat <<'END'
usage: benches/compare.sh [options]

  --rounds N            rounds; the table shows medians (3)
  --size SIZE           size of the large blobs (1GiB)
  --repeats N           pushes of a large blob in each round (2)
  --seconds N           length of each timed window of small requests (5)
  --scenarios "A B"     scenarios of `load` ("pull push-monolithic push-chunked small-pushes
                        manifest-get manifest-head")
  --without NAME        leave out ours, docker-registry, distribution, nginx or empty; repeatable
  --also NAME=URL,PID   another registry, started by hand; repeatable
  --json DIR            keep the reports of all runs there

The data lies below $TMPDIR, which must be on the disk to be measured, not in memory. Needed:
docker-registry and nginx (apt install docker-registry nginx-light), go, curl.
END
}

rounds=3 size=1GiB repeats=2 seconds=5 reports=
scenarios="pull push-monolithic push-chunked small-pushes manifest-get manifest-head"
without=" " also=()
while (($#)); do
    case $1 in
        --rounds) rounds=$2 ;;
        --size) size=$2 ;;
        --repeats) repeats=$2 ;;
        --seconds) seconds=$2 ;;
        --scenarios) scenarios=$2 ;;
        --without) without+="$2 " ;;
        --also) also+=("$2") ;;
        --json) reports=$(realpath -m "$2") ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift 2
done

fail() { echo "compare.sh: $*" >&2 && exit 1; }

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/registry-benches
distribution_version=v3.1.2
distribution=$cache/distribution-$distribution_version/registry
work=$(mktemp -d "${TMPDIR:-/tmp}/registry-compare.XXXXXX")
reports=${reports:-$work/reports}
mkdir -p "$reports"

# --- what runs: names in order, and of each its URL and process -------------------------------

names=()
declare -A urls=() pids=()

stop() {
    local name
    for name in "${names[@]}"; do
        if [[ -v started[$name] ]] && kill "${pids[$name]}" 2>/dev/null; then
            wait "${pids[$name]}" 2>/dev/null || true # it ended as told
        fi
    done
    names=() started=()
    rm -rf "$work/data"
}
declare -A started=()
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

free_port() {
    local port
    for port in $(shuf -i 20000-32000 -n 50); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
    done
    fail "no free port"
}

# start NAME PORT COMMAND…: runs the command until `stop`, once it listens.
start() {
    local name=$1 port=$2
    shift 2
    "$@" >"$work/$name.log" 2>&1 &
    names+=("$name") urls[$name]=http://127.0.0.1:$port pids[$name]=$! started[$name]=1
    for _ in {1..100}; do
        kill -0 "${pids[$name]}" 2>/dev/null || break
        curl --silent --output /dev/null --max-time 2 "${urls[$name]}/v2/" && return
        sleep 0.1
    done
    fail "$name does not answer: $(tail -n 3 "$work/$name.log")"
}

start_ours() {
    local port && port=$(free_port)
    start ours "$port" "$target/release/registry-bin" serve --listen "127.0.0.1:$port" --data "$work/data/ours"
}

# Both distributions: their own cache on as Debian ships it, no access log, no tracing.
start_distribution() {
    local name=$1 program=$2 port && port=$(free_port)
    mkdir -p "$work/data/$name"
    cat >"$work/$name.yml" <<END
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  cache: { blobdescriptor: inmemory }
  filesystem: { rootdirectory: $work/data/$name }
  delete: { enabled: true }
http: { addr: "127.0.0.1:$port" }
END
    start "$name" "$port" env OTEL_TRACES_EXPORTER=none "$program" serve "$work/$name.yml"
}

# The blob that `pull` reads, as a file: what a server can do that only sends files.
start_nginx() {
    local port && port=$(free_port)
    "$target/release/load" blob-file --repository load/pull --size "$size" "$work/data/nginx" >/dev/null
    cat >"$work/nginx.conf" <<END
daemon off;
master_process off;
pid $work/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    server { listen 127.0.0.1:$port; root $work/data/nginx; }
}
END
    start nginx "$port" nginx -e stderr -c "$work/nginx.conf"
}

# The least that an HTTP server built with hyper does for a request.
start_empty() {
    local port && port=$(free_port)
    start empty "$port" "$target/release/empty" --listen "127.0.0.1:$port"
}

start_all() {
    local entry
    mkdir -p "$work/data"
    wanted ours && start_ours
    wanted docker-registry && start_distribution docker-registry docker-registry
    wanted distribution && start_distribution distribution "$distribution"
    wanted nginx && start_nginx
    wanted empty && start_empty
    for entry in "${also[@]}"; do
        local name=${entry%%=*} rest=${entry#*=}
        names+=("$name") urls[$name]=${rest%,*} pids[$name]=${rest##*,}
    done
}

wanted() { [[ $without != *" $1 "* ]]; }

# --- what is measured -------------------------------------------------------------------------

# takes_part NAME SCENARIO: the yardsticks answer only what they are a measure of.
takes_part() {
    case $1 in
        nginx) [[ $2 == pull ]] ;;
        empty) [[ $2 == manifest-* ]] ;;
    esac
}

options() {
    case $1 in
        pull) echo --size "$size" ;;
        push-*) echo --size "$size" --repeats "$repeats" ;;
        small-pushes | manifest-*) echo --seconds "$seconds" ;;
    esac
}

# measure ROUND SCENARIO NAME: what was written before must not be written back meanwhile.
measure() {
    sync
    # shellcheck disable=SC2046 # several words are meant
    "$target/release/load" "$2" $(options "$2") --name "$3" --url "${urls[$3]}" --pid "${pids[$3]}" \
        --repository "load/$2" --json "$reports/$1-$2-$3.json" >&2 \
        && files+=("$reports/$1-$2-$3.json") || echo "compare.sh: $3 does not do $2" >&2
}

# --- prepare, run, print ----------------------------------------------------------------------

if wanted docker-registry; then
    command -v docker-registry >/dev/null || fail "apt install docker-registry, or --without docker-registry"
fi
if wanted nginx; then
    PATH=$PATH:/usr/sbin
    command -v nginx >/dev/null || fail "apt install nginx-light, or --without nginx"
fi
if wanted distribution && [[ ! -x $distribution ]]; then
    GOBIN=$(dirname "$distribution") \
        go install "github.com/distribution/distribution/v3/cmd/registry@$distribution_version"
fi
cargo build --release --quiet -p registry-benches
wanted ours && cargo build --release --quiet -p registry-bin

files=()
for ((round = 1; round <= rounds; round++)); do
    start_all
    for scenario in $scenarios; do
        # Each round begins with another, so that none is always first.
        for ((index = 0; index < ${#names[@]}; index++)); do
            name=${names[(index + round) % ${#names[@]}]}
            takes_part "$name" "$scenario" && measure "$round" "$scenario" "$name"
        done
    done
    stop
done

"$target/release/load" compare --yardstick nginx --yardstick empty "${files[@]}"
