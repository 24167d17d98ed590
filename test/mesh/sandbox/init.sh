# Becomes the first process of a sandbox: FOLDER/root gets the host's programs, read-only, and PROGRAMS in /usr/local/bin;
# FOLDER/pid gets the number of this process, as the host counts.
# usage: init.sh FOLDER PROGRAMS
set -eu
root=$1/root
for part in bin sbin lib lib32 lib64; do
	if [ -L "/$part" ]; then
		ln -s "$(readlink "/$part")" "$root/$part"
	elif [ -d "/$part" ]; then
		mkdir "$root/$part"
		mount -o bind,ro "/$part" "$root/$part"
	fi
done
mkdir "$root/usr" "$root/dev" "$root/proc"
mount -o bind,ro /usr "$root/usr"
mount -o bind,ro "$2" "$root/usr/local/bin"
mount --rbind /dev "$root/dev"
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
# A connection that is over does not stand in the way of the next one from the same port: the kernel would give it another port.
for state in fin_wait close_wait last_ack time_wait close; do
	timeout=/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_$state
	[ ! -e "$timeout" ] || echo 1 >"$timeout"
done
read -r pid rest </proc/self/stat
mount -t proc proc "$root/proc"
echo "$pid" >"$1/pid.new"
mv "$1/pid.new" "$1/pid"
exec chroot "$root" sleep infinity
