#!/bin/sh
# Runs the server as a container would: another user without any right, no program that gives rights, everything read-only but
# its data and a small /tmp where nothing can be executed. For root, in a mount namespace of its own:
#
#   unshare --mount sh confined.sh WORKSTEAD serve
set -eu
binary=$1
shift
mkdir -p "$WORKSTEAD_DATA_DIR"
chown 65532:65532 "$WORKSTEAD_DATA_DIR"
chmod 700 "$WORKSTEAD_DATA_DIR"

mount --make-rprivate /
# Paths that the other user can reach, wherever the real ones are.
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/data
touch /mnt/workstead
mount --bind "$WORKSTEAD_DATA_DIR" /mnt/data
mount --bind "$binary" /mnt/workstead
mount -t tmpfs -o mode=1777,size=256m,noexec,nosuid,nodev tmpfs /tmp

awk '{ print $2 }' /proc/mounts | while read -r place; do
    case $place in
    /mnt/data | /tmp | /proc* | /sys* | /dev*) ;;
    *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
    esac
done
for place in / /usr /var /etc /mnt; do
    if touch "$place/.workstead-probe" 2>/dev/null; then
        rm -f "$place/.workstead-probe"
        echo "$place could not be made read-only" >&2
        exit 1
    fi
done

cd /mnt/data
export WORKSTEAD_DATA_DIR=/mnt/data HOME=/
exec setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    /mnt/workstead "$@"
