# Runs a throw-away PostgreSQL until standard input ends.
#
#   sh cluster.sh PROGRAMS PARENT [SETTING=VALUE ...]
#
# Makes a folder in PARENT, a cluster and its socket in it, and says on standard output, a line each:
#   folder PATH      as soon as the folder is there
#   server PID       the server's process
#   ready            connections are accepted
#   failed WHAT      it will not come; the end of the log follows
#
# Takes on standard input, a line each:
#   stop             stops the server at once, as if it had crashed; answers "stopped"
#   start            starts it again; answers "server PID" and "ready", or "failed WHAT"
#
# Standard input is a pipe whose other end the test process holds and nobody else. When that process ends, for whatever
# reason, the pipe ends too: the server is stopped and the folder removed.

# What a terminal or a broken pipe would do to this script it must outlive, to clean up.
trap '' HUP INT TERM PIPE

programs=$1
parent=$2
shift 2
settings=
for setting in "$@"; do
    settings="$settings -c $setting"
done

server=
stop() {
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null
        wait "$server"
        server=
    fi
}

clean_up() {
    stop
    cd /
    rm -rf "$folder"
    exit
}

give_up() {
    echo "failed $1"
    tail -n 20 "$folder/log"
    clean_up
}

folder=$(mktemp -d "$parent/stripe-store-pg.XXXXXXXX") || {
    echo "failed mktemp in $parent"
    exit 1
}
echo "folder $folder"
cd "$folder" || give_up cd
export HOME="$folder"

"$programs/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 </dev/null || give_up initdb

# Nothing here is worth surviving a crash: no fsync, unless the settings say so. They are words without spaces, so the
# list may be split.
start() {
    # shellcheck disable=SC2086
    "$programs/postgres" -D "$folder/data" -k "$folder" -p 5432 -c listen_addresses= -c fsync=off \
        -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 $settings >>log 2>&1 </dev/null &
    server=$!
    echo "server $server"

    # The eighth line of the pid file says "ready" once connections are accepted. 1,200 looks are 60 s.
    looks=0
    until [ "$(sed -n '8s/ *$//p' data/postmaster.pid 2>/dev/null)" = ready ]; do
        kill -0 "$server" 2>/dev/null || give_up "postgres (ended)"
        looks=$((looks + 1))
        [ "$looks" -lt 1200 ] || give_up "postgres (not ready after 60 s)"
        sleep 0.05
    done
    echo ready
}

start
while read -r command; do
    case $command in
    stop)
        stop
        echo stopped
        ;;
    start) start ;;
    esac
done
clean_up
