#!/bin/bash
# Starts a MariaDB node of the cluster: the image's own entrypoint, with Galera's settings.
# The node with the directory /made makes the cluster, once, and again when it was the last one to stop.
set -eu
cat >/etc/mysql/conf.d/galera.cnf <<CNF
[mariadb]
wsrep_on = ON
wsrep_provider = /usr/lib/galera/libgalera_smm.so
wsrep_cluster_name = poundcake
wsrep_cluster_address = gcomm://$NODES
wsrep_node_name = $HOSTNAME
wsrep_node_address = $HOSTNAME
wsrep_sst_method = mariabackup
wsrep_sst_auth = sst:$(cat /run/secrets/mariadb_sst_password)
binlog_format = ROW
innodb_autoinc_lock_mode = 2
# A commit is on the disks of this node, and in the memory of the others.
innodb_flush_log_at_trx_commit = 1
CNF
chown mysql:mysql /etc/mysql/conf.d/galera.cnf
chmod 600 /etc/mysql/conf.d/galera.cnf
data=/var/lib/mysql
# A node that has lost its data must join, not make a second cluster: /made says that there was one.
if [ -d /made ] && { [ ! -e /made/cluster ] || grep -qs 'safe_to_bootstrap: 1' $data/grastate.dat; }; then
    set -- "$@" --wsrep-new-cluster
    touch /made/cluster
fi
exec docker-entrypoint.sh "$@"
