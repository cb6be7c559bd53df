#!/bin/sh
# Applies the migrations that a database lacks, with nothing but psql: for a job beside the service.
# It keeps the same books as `cargo xtask migrate` (sqlx's table), so the two can take turns.
#
#   DATABASE_URL=postgres://… deploy/migrate.sh [folder, ./migrations by default]
#
# A migration and its entry are one transaction. One that begins with `-- no-transaction` runs by itself,
# as `create index concurrently` must; should it break off, its entry says so and has to be cleared by hand.
set -eu

folder=${1:-migrations}
# What can't get its lock soon gives up, instead of holding up every request behind it. What runs by itself keeps nobody
# waiting, and may have to wait for a long report.
export PGOPTIONS="${PGOPTIONS:-} -c lock_timeout=${LOCK_TIMEOUT:-5s} -c client_min_messages=warning"

run() {
    psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"
}

run --command "create table if not exists _sqlx_migrations (
    version bigint primary key, description text not null, installed_on timestamptz not null default now(),
    success boolean not null, checksum bytea not null, execution_time bigint not null)"

for file in "$folder"/*.sql; do
    name=$(basename "$file" .sql)
    version=$(expr "${name%%_*}" + 0)
    description=$(printf %s "${name#*_}" | tr _ ' ')
    checksum=$( (sha384sum "$file" 2>/dev/null || shasum -a 384 "$file") | cut -d ' ' -f 1)
    entry="insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values ($version, '$description', %s, decode('$checksum', 'hex'), -1)"

    case $(run --command "select success, encode(checksum, 'hex') from _sqlx_migrations where version = $version") in
    '') ;;
    "t|$checksum") continue ;;
    f*) echo "$name broke off: repair what it left, then delete its row from _sqlx_migrations" >&2; exit 1 ;;
    *) echo "$name was changed after it had been applied" >&2; exit 1 ;;
    esac

    if [ "$(head -n 1 "$file")" = "-- no-transaction" ]; then
        run --command "$(printf "$entry" false)"
        PGOPTIONS="$PGOPTIONS -c lock_timeout=0" run --file "$file"
        run --command "update _sqlx_migrations set success = true where version = $version"
    else
        # The entry comes first: of two that run at once, the second fails before it changes anything.
        run --single-transaction --command "$(printf "$entry" true)" --file "$file"
    fi
    echo "migrated $name"
done
