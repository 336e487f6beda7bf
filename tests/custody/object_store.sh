#!/usr/bin/env bash
# Start a real object store in FOLDER for tests: Ceph's gateway with one monitor and one storage daemon, in memory, on
# loopback, without any protection. It enforces Object Lock, which imitations do not. Returns when it answers.
#
#   object_store.sh FOLDER MONITOR-PORT GATEWAY-PORT     (the monitor takes the port behind its own too)
#
# FOLDER is new and its path short: sockets lie in it. Access key and secret are both "test", the region is us-east-1.
# Debian: apt install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common
set -euo pipefail

folder=$1 monitor=$2 gateway=$3
mkdir -p "$folder/mon" "$folder/osd0" "$folder/run"
fsid=$(cat /proc/sys/kernel/random/uuid)
cat > "$folder/ceph.conf" <<END
[global]
fsid = $fsid
mon initial members = a
mon host = [v2:127.0.0.1:$monitor,v1:127.0.0.1:$((monitor + 1))]
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = $folder/run
admin socket = $folder/run/\$name.\$pid.asok
pid file = $folder/run/\$name.pid
log file = $folder/\$name.log
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
[mon.a]
mon data = $folder/mon
[osd.0]
osd data = $folder/osd0
[client]
rgw frontends = beast endpoint=127.0.0.1:$gateway
END
use=(-c "$folder/ceph.conf")

monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor,v1:127.0.0.1:$((monitor + 1))]" "$folder/monmap"
ceph-mon "${use[@]}" --mkfs -i a --monmap "$folder/monmap"
ceph-mon "${use[@]}" -i a
uuid=$(cat /proc/sys/kernel/random/uuid)
timeout 30 ceph "${use[@]}" osd new "$uuid"
ceph-osd "${use[@]}" -i 0 --mkfs --osd-uuid "$uuid"
ceph-osd "${use[@]}" -i 0
timeout 30 ceph "${use[@]}" osd crush add osd.0 1.0 root=default host=h
# As a daemon the gateway insists on a secure way to the monitor unless told otherwise; it has no other name here.
radosgw "${use[@]}" -n client.admin --ms_mon_client_mode=crc --auth_client_required=none
timeout 60 radosgw-admin "${use[@]}" user create --uid=test --display-name=test --access-key=test --secret=test
for _ in $(seq 120); do
  if (echo > "/dev/tcp/127.0.0.1/$gateway") 2>/dev/null; then exit 0; fi
  sleep 0.25
done
echo "the gateway did not open its port" >&2
exit 1
