#!/bin/sh
# Keeps the part of the official image's contract that this project uses: POSTGRES_PASSWORD
# is the password of the superuser `postgres`, demanded of every TCP client; arguments that
# start with a dash go to the server; the data survives a restart of the container.
# Deliberately absent: POSTGRES_USER, POSTGRES_DB, init scripts, other programs as command.
set -eu
if [ "${1:-}" = postgres ]; then shift; fi

if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups sh "$0" "$@"
fi

if [ ! -e "$PGDATA/initialised" ]; then
    : "${POSTGRES_PASSWORD:?set it to the password wanted for the user postgres}"
    cp -a /usr/share/postgresql/template/. "$PGDATA"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    printf '%s\n' 'local all all trust' 'host all all all scram-sha-256' > "$PGDATA/pg_hba.conf"
    # Single-user mode needs no temporary server, hence no waiting for one.
    quoted=$(printf %s "$POSTGRES_PASSWORD" | sed "s/'/''/g")
    echo "ALTER ROLE postgres PASSWORD '$quoted'" |
        postgres --single -D "$PGDATA" postgres > /dev/null
    : > "$PGDATA/initialised"
fi
exec postgres "$@"
