# What the official image's entry point does, as far as the chart relies on it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "${POSTGRES_PASSWORD:?}" > /tmp/password
  initdb --username=postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --no-locale
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl --wait -o "-c listen_addresses='' -c unix_socket_directories=$PGHOST" start
  for each in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -e "$each" ] || psql --username=postgres --set=ON_ERROR_STOP=1 --file="$each"
  done
  pg_ctl --wait --mode=fast stop
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories="$PGHOST"
