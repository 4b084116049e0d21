#!/bin/sh
# Starts the Redis that holds XCom values: only the user of docs/redis-users.acl, nothing evicted, all on disk.
#
#   XCOM_REDIS_PASSWORD=... redis.sh USERS_FILE DATA_DIRECTORY [redis-server options]
set -eu

users=$1
data=$2
shift 2

mkdir -p "$data"
# Only a digest is written, and no program gets the password as an argument.
digest=$(printf %s "$XCOM_REDIS_PASSWORD" | sha256sum | cut -d ' ' -f 1)
(umask 077 && sed "s/>change-me/#$digest/" "$users" > "$data/users.acl")
unset XCOM_REDIS_PASSWORD

exec "${REDIS_SERVER:-redis-server}" --dir "$data" --aclfile "$data/users.acl" \
    --maxmemory-policy noeviction --appendonly yes --appendfsync everysec --save "" "$@"
