# Starts the first process of a sandbox, and ends with it. Who ends this shell ends unshare, and with it all that is inside.
# usage: sandbox.sh INIT FOLDER PROGRAMS
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child=KILL /bin/sh -c "$1" init "$2" "$3" &
trap 'kill -KILL $!' TERM INT
wait $!
