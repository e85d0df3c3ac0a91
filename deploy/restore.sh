#!/bin/sh
# Puts a copy of backup.sh back, all or nothing, where nothing is: an empty database, a DATA_DIR without files.
#
#   restore.sh NAME   a folder in BACKUP_DIR; without a name, they are listed
#
# Read from the environment: PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, of a superuser; DATA_DIR; BACKUP_DIR.
# The roles have to be there (deploy/postgresql.sql).
set -eu
: "${DATA_DIR:?}" "${BACKUP_DIR:?}"

fail() {
    echo "$*" >&2
    exit 1
}

if [ $# -ne 1 ]; then
    ls -1 "$BACKUP_DIR"
    exit 2
fi
copy=$BACKUP_DIR/$1
[ -f "$copy/SHA256SUMS" ] || fail "there is no backup $1 in $BACKUP_DIR"
(cd "$copy" && sha256sum --quiet --check SHA256SUMS) || fail "the backup $1 is damaged"
tables=$(psql -XAt -d "${PGDATABASE:?}" -c "SELECT count(*) FROM pg_class
    WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)")
[ "$tables" = 0 ] || fail "the database $PGDATABASE is not empty"
# The program's own key is made again at each start that finds none.
others=$(find "$DATA_DIR" -mindepth 1 -maxdepth 1 ! -name secret_key ! -name lost+found | head -n 1)
[ -z "$others" ] || fail "DATA_DIR is not empty: $others"
pg_restore --exit-on-error --single-transaction --dbname="$PGDATABASE" "$copy/database.dump"
tar -C "$DATA_DIR" --same-permissions -xf "$copy/files.tar"
echo "restored $1"
