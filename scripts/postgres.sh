#!/usr/bin/env bash
# A throwaway PostgreSQL for one test run: postgres.sh FOLDER PORT
# Makes FOLDER, prints DATABASE_URL's value on a line of its own once the server answers, logs to stderr, and stays in the foreground: the process started
# is the server itself, so that any signal to it ends it. Nothing survives a power cut (fsync is off). Anyone on this machine may connect.
set -euo pipefail
folder=$1 port=$2

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort | tail -n 1)
[ -x "$bin/postgres" ] || { echo "error: no PostgreSQL server in /usr/lib/postgresql. Run: make setup-test" >&2; exit 1; }
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# PostgreSQL refuses to run as root. setpriv replaces itself with the program, runuser stays as its parent.
as_postgres=()
if [ "$(id -u)" = 0 ]; then
  as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$folder")
  chown postgres: "$folder"
  "${as_postgres[@]}" test -x "$folder" || { echo "error: the user postgres cannot enter $folder: name a folder outside ${HOME:-/root}" >&2; exit 1; }
fi
cd "$folder"

if [ ! -e "$folder/data/PG_VERSION" ]; then
  "${as_postgres[@]}" "$bin/initdb" --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 \
    || { cat "$folder/initdb.log" >&2; exit 1; }
fi

# Twice in the background, so that the server does not find a child that it never started.
# From exec on, this script's number is the server's; in postmaster.pid it says when it is ready, also where another has taken the port.
( (
  while [ -e "/proc/$$/exe" ]; do # Not so for a process that ended and nobody waited for.
    if [ "$(sed -n '1p;8p' data/postmaster.pid 2>/dev/null | xargs)" = "$$ ready" ]; then
      printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$port"
      exit
    fi
    sleep 0.05
  done
) & )

exec "${as_postgres[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200
