#!/usr/bin/env bash
# Measures what users cost: a manifest GET with a token and with a password beside one that nobody has
# to log in for, and pulls while somebody guesses passwords. See README.md.
set -euo pipefail

usage() {
    cat <<'END'
usage: benches/users.sh [--rounds N] [--seconds N] [--guesses N]

  --rounds N     rounds; medians are shown (3)
  --seconds N    length of each timed window (5)
  --guesses N    wrong passwords a second, each from another address (1000)

The data lies below $TMPDIR. Needed: curl, python3.
END
}

rounds=3 seconds=5 guesses=1000
while (($#)); do
    case $1 in
        --rounds) rounds=$2 ;;
        --seconds) seconds=$2 ;;
        --guesses) guesses=$2 ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift 2
done

cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/release
cargo build --release --quiet -p registry-bin -p registry-benches
work=$(mktemp -d "${TMPDIR:-/tmp}/registry-users.XXXXXX")
declare -A url=() pid=()
trap 'kill "${pid[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fail() { echo "users.sh: $*" >&2 && exit 1; }

# Three servers: one without users, one that everybody pulls from, and one in front of nothing, which
# takes the guesses when a pull is to be measured with a busy client and an idle server.
start() {
    local name=$1 port
    shift
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url[$name]=http://127.0.0.1:$port
    # The requests of one machine stand for those of many.
    "$bin/registry-bin" serve --listen "127.0.0.1:$port" --data "$work/$name" --log-level warn \
        --requests-per-address 0 --requests-per-user 0 --requests-per-namespace 0 \
        "$@" >"$work/$name.log" 2>&1 &
    pid[$name]=$!
    for _ in {1..100}; do
        curl --silent --output /dev/null "${url[$name]}/v2/" && return
        sleep 0.1
    done
    fail "$name does not answer: $(tail -n 3 "$work/$name.log")"
}

password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
for name in users others; do
    start "$name" --accounts --anonymous pull
    "$bin/registry-bin" user add load --password-stdin --data "$work/$name" <<<"$password"
done >/dev/null
start open

basic="Basic $(printf 'load:%s' "$password" | base64 -w0)"
token() {
    curl --silent --fail --user "load:$password" \
        "${url[users]}/v2/_token?service=registry&scope=repository:load/test:pull,push" |
        python3 -c 'import json, sys; print("Bearer", json.load(sys.stdin)["token"])'
}

# measure FILE SERVER SCENARIO [OPTION…]
measure() {
    local file=$1 server=$2
    shift 2
    "$bin/load" "$@" --url "${url[$server]}" --pid "${pid[$server]}" --seconds "$seconds" \
        --json "$work/$file.json" >/dev/null
}

# beside FILE SERVER: manifests are read while another server or this one refuses passwords.
beside() {
    "$bin/load" bad-logins --url "${url[$2]}" --rate "$guesses" --seconds $((seconds + 2)) \
        --json "$work/$1-guesses.json" >/dev/null &
    local guessing=$!
    sleep 0.5
    measure "$1" users manifest-get --authorization "$bearer"
    wait "$guessing"
}

for round in $(seq "$rounds"); do
    echo "round $round" >&2
    bearer=$(token)
    measure "$round-open" open manifest-get
    measure "$round-password" users manifest-get --authorization "$basic"
    measure "$round-token" users manifest-get --authorization "$bearer"
    beside "$round-quiet" others
    beside "$round-guessed" users
done

python3 - "$work" "$rounds" <<'END'
import json, statistics, sys

work, rounds = sys.argv[1], int(sys.argv[2])


def median(name, field):
    values = [json.load(open(f"{work}/{r}-{name}.json"))[field] for r in range(1, rounds + 1)]
    return statistics.median(values)


print(f"{'manifest GET':34}{'rate':>10}{'CPU':>12}{'÷ first':>10}")
first = None
for name, says in [
    ("open", "nobody logs in"),
    ("token", "with a token"),
    ("password", "with a password"),
]:
    rate, cost = median(name, "rate"), median(name, "cost")
    first = first or cost
    print(f"{says:34}{rate:8.0f}/s{cost:9.2f} us{cost / first:10.2f}")
first = None
for name, says in [
    ("quiet", "while another server is guessed at"),
    ("guessed", "while this one is"),
]:
    rate = median(name, "rate")
    first = first or rate
    guesses = median(f"{name}-guesses", "rate")
    print(f"{says:34}{rate:8.0f}/s{guesses:8.0f}/s *{rate / first:10.2f}")
print("* wrong passwords")
END
