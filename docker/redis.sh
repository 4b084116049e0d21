#!/bin/sh
# Start the Redis that holds XCom values. It has only the users of docs/redis-users.acl, evicts nothing, and keeps
# everything on disk.
#
#   XCOM_REDIS_PASSWORD=... [XCOM_REDIS_API_PASSWORD=...] redis.sh USERS_FILE DATA_DIRECTORY [redis-server options]
#
# Without the second password there is no user for API servers.
set -eu

users=$1
data=$2
shift 2

mkdir -p "$data"
# The file gets a digest of the password, and no program gets the password as an argument.
digest() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
workers="s/>change-me /#$(digest "$XCOM_REDIS_PASSWORD") /"
servers='/^user exclusive_redis_xcom_api /d'
if [ -n "${XCOM_REDIS_API_PASSWORD:-}" ]; then
    servers="s/>change-me-api /#$(digest "$XCOM_REDIS_API_PASSWORD") /"
fi
(umask 077 && sed -e "$workers" -e "$servers" "$users" > "$data/users.acl")
unset XCOM_REDIS_PASSWORD XCOM_REDIS_API_PASSWORD

exec "${REDIS_SERVER:-redis-server}" --dir "$data" --aclfile "$data/users.acl" \
    --maxmemory-policy noeviction --appendonly yes --appendfsync everysec --save "" "$@"
