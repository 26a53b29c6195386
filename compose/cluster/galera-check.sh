#!/bin/bash
# The health check of a container: whether its node is synced with a majority.
state=$(mariadb --protocol=socket -umonitor -BNe "SHOW STATUS WHERE Variable_name IN ('wsrep_local_state', 'wsrep_ready')" 2>&1)
[[ $state == *"wsrep_local_state	4"* && $state == *"wsrep_ready	ON"* ]]
