#!/bin/sh
# Copies of what an installation can't be made again from: the PostgreSQL database, and what is in DATA_DIR.
#
#   backup.sh now     make one
#   backup.sh daily   make one each day at BACKUP_AT (UTC), and at the start when there is none of the last day
#   backup.sh check   fail when the newest is older than 26 hours
#
# Read from the environment: PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, of a role with BYPASSRLS that may read
# everything; DATA_DIR; BACKUP_DIR, one folder in it for each copy; BACKUP_KEEP, how many are kept.
set -eu
umask 077
: "${DATA_DIR:?}" "${BACKUP_DIR:?}"
keep=${BACKUP_KEEP:-7}
at=${BACKUP_AT:-03:15}

say() {
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"
}

# The copies, the newest first: their names are the moments they were begun at.
list() {
    find "$BACKUP_DIR" -mindepth 1 -maxdepth 1 -type d -name '2*Z' | sort -r
}

make() {
    name=$(date -u +%Y-%m-%dT%H%M%SZ)
    rm -rf "$BACKUP_DIR"/unfinished.*
    new=$BACKUP_DIR/unfinished.$name
    mkdir "$new"
    # The database first: what it names then is in DATA_DIR, unless it was deleted since.
    pg_dump --format=custom --file="$new/database.dump"
    # 1 says that files came or went meanwhile.
    tar -C "$DATA_DIR" -cf "$new/files.tar" --exclude='./mutirao.sqlite*' --exclude=./exports . || [ $? -eq 1 ]
    cd "$new"
    sha256sum database.dump files.tar > SHA256SUMS
    sync
    mv "$new" "$BACKUP_DIR/$name"
    list | tail -n "+$((keep + 1))" | while read -r old; do
        rm -rf "$old"
    done
    say "made $name: $(du -sh "$BACKUP_DIR/$name" | cut -f 1)"
}

is_newer_than() {
    [ -n "$(find "$BACKUP_DIR" -mindepth 1 -maxdepth 1 -type d -name '2*Z' -mmin "-$1" | head -n 1)" ]
}

# Until a signal comes.
rest() {
    sleep "$1" &
    wait $!
}

# In a shell of its own: in a condition, this one would go on after what fails.
make_or_try_again() {
    until sh "$0" now; do
        say "the backup failed, and is tried again in ten minutes" >&2
        rest 600
    done
}

daily() {
    trap 'exit 0' TERM INT
    is_newer_than 1440 || make_or_try_again
    while true; do
        now=$(date -u +%s)
        next=$(date -u -d "$at" +%s)
        [ "$next" -gt "$now" ] || next=$((next + 86400))
        rest $((next - now))
        make_or_try_again
    done
}

case "$keep" in
    '' | *[!0-9]* | 0) echo "BACKUP_KEEP: $keep is not a whole number of at least 1" >&2; exit 2 ;;
esac
date -u -d "$at" > /dev/null 2>&1 || { echo "BACKUP_AT: $at is not a time of the day" >&2; exit 2; }
case "${1:-}" in
    now) make ;;
    daily) daily ;;
    check) is_newer_than 1560 || { echo "there is no backup of the last 26 hours in $BACKUP_DIR" >&2; exit 1; } ;;
    *) echo "usage: backup.sh now|daily|check" >&2; exit 2 ;;
esac
