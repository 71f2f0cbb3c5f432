# Runs a program until it ends, or until standard input does.
#
#   sh tied.sh PROGRAM [ARGUMENT ...]
#
# Standard input is a pipe whose other end the test process holds and nobody else. When that process ends, for whatever
# reason, or lets go of the program, the pipe ends too, and the program is killed.

# What a terminal would do to this script it must outlive, to clean up.
trap '' HUP INT TERM PIPE

exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{
    while read -r _; do :; done
    kill -KILL "$program"
} <&3 >/dev/null 2>&1 &
watch=$!
exec 3<&-

wait "$program"
status=$?
kill -KILL "$watch" 2>/dev/null
exit "$status"
