#!/bin/sh
# Makes the bucket, the server's user with rights to nothing else, the notification and the lifecycle rule.
# It may run any number of times; what is there already stays as it is.
set -eu

: "${MINIO_ENDPOINT:?the address of MinIO, like http://minio:9000}"
: "${MINIO_ROOT_USER:?}" "${MINIO_ROOT_PASSWORD:?}"
: "${BUCKET:?the name of the bucket}"
: "${STORE_ACCESS_KEY_ID:?}" "${STORE_SECRET_ACCESS_KEY:?}"
setup=$(dirname "$0")
policy=workstead-uploads

export MC_CONFIG_DIR="${MC_CONFIG_DIR:-/tmp/mc}"
mkdir -p "$MC_CONFIG_DIR"

# By standard input: arguments are seen by every process beside this one.
printf '%s\n%s\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store "$MINIO_ENDPOINT" >/dev/null
mc mb --ignore-existing "store/$BUCKET"

sed "s/BUCKET/$BUCKET/g" "$setup/user-policy.json" >"$MC_CONFIG_DIR/policy.json"
mc admin policy create store "$policy" "$MC_CONFIG_DIR/policy.json"
printf '%s\n%s\n' "$STORE_ACCESS_KEY_ID" "$STORE_SECRET_ACCESS_KEY" | mc admin user add store >/dev/null
# Attaching twice is an error of its own.
mc admin policy attach store "$policy" --user "$STORE_ACCESS_KEY_ID" >/dev/null 2>&1 ||
    mc admin user info store "$STORE_ACCESS_KEY_ID" --json | grep -q "policyName.*$policy"

# The target is named by MINIO_NOTIFY_WEBHOOK_..._WORKSTEAD of the MinIO server.
mc event add "store/$BUCKET" arn:minio:sqs::WORKSTEAD:webhook \
    --event put --prefix uploads/ --suffix .tar.gz --ignore-existing
# The server deletes what it has taken and what is too old; this is for the day when it doesn't.
mc ilm rule import "store/$BUCKET" <"$setup/lifecycle.json"
echo "the bucket $BUCKET is ready"
