# docs/operate.md: a primary, a relay, a standby that synchronises slots, and a subscriber. The relay's configuration is made of the page's own parts.

export PATH=$POSTGRESQL_18/bin:$PATH PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres
PRIMARY=5432 STANDBY=5433 SUBSCRIBER=5434 RELAY=6433 HTTP=8433
export PGPORT=$PRIMARY WALRELAY_CONFIG=$PWD/walrelay.yaml WALRELAY_DATA=$PWD/data WALRELAY_LISTEN_ADDRESS=127.0.0.1:$RELAY WALRELAY_HTTP_ADDRESS=127.0.0.1:$HTTP
export WALRELAY_UPSTREAM_CONNINFO="host=127.0.0.1 port=$PRIMARY user=walrelay"
umask 077

#~ host=relay port=6433 → host=127.0.0.1 port=6433
#~ user=repl password=… → user=repl password=secret
#~ /run/walrelay → {here}/run
#~ s3://wal/prod?endpoint=https://minio:9000 → file://{here}/archive
#~ s3://wal/prod → file://{here}/archive

initdb -D primary -U postgres -A trust --no-sync --no-instructions >initdb.log
printf '%s\n' "unix_socket_directories = ''" "fsync = off" "checkpoint_completion_target = 0" "max_slot_wal_keep_size = 1GB" >>primary/postgresql.conf
cp -a primary subscriber
echo "port = $SUBSCRIBER" >>subscriber/postgresql.conf
echo "port = $PRIMARY" >>primary/postgresql.conf
cat >>primary/postgresql.conf <<'END'
#< docs/operate.md: wal_level = logical
END
printf '%s\n' "host all,replication repl 127.0.0.1/32 scram-sha-256" "host all,replication all 127.0.0.1/32 trust" >primary/pg_hba.conf
pg_ctl -D primary -l primary.log -w start >started
walrelay setup-sql --auth-query | grep -v '^.password' | psql -qAt >setup.log
psql -qc "CREATE ROLE repl LOGIN REPLICATION PASSWORD 'secret'" -c "CREATE DATABASE shop"
psql -q -d shop -c "CREATE TABLE orders (id int PRIMARY KEY, what text)" -c "GRANT SELECT ON orders TO repl" -c "CREATE PUBLICATION p FOR TABLE orders"
psql -qc "SELECT pg_create_physical_replication_slot('old', true)" >made

# started, ended: the relay.
started() {
    until curl -sf http://127.0.0.1:$HTTP/readyz; do sleep 0.1; done
}
ended() {
    kill %walrelay
    wait %walrelay || [ $? = 143 ]
}

# has SQL ROW: until the relay's console answers so.
has() {
    until [ "$(psql -h "$PWD/run" -p $RELAY -U "$(id -un)" -d walrelay -Atc "$1")" = "$2" ]; do sleep 0.1; done
}

# Commits that wait for standbys; a Unix-domain socket; slots; pins.
mkdir archive run
export WALRELAY_UPSTREAM_SLOT=relay
cat >walrelay.yaml <<'END'
#< docs/operate.md: acknowledge: any 1
#< docs/operate.md: listen: { unix
#< docs/operate.md: archive: { url: "s3://wal/prod?
END
walrelay serve 2>relay.log &
started

PGUSER=$(id -un)
#< docs/operate.md: psql "host=/run/walrelay
PGUSER=postgres

#< docs/operate.md: walrelay slot create
# → old   imported
#< docs/operate.md: psql -c "SELECT slot_name
ended

# Slots that survive a failover; status, reload, why, console.
cat >walrelay.yaml <<'END'
#< docs/operate.md: upstream: { acknowledge
#< docs/operate.md: archive: { url: "s3://wal/prod?
END
echo "cache: {disk: 1GB}" >>walrelay.yaml
unset WALRELAY_UPSTREAM_SLOT
export WALRELAY_LISTEN_UNIX=$PWD/run WALRELAY_FEEDBACK_MAX_XMIN_AGE=3
walrelay serve 2>>relay.log &
started

sed -i -e 's/disk: 1GB/disk: 2GB/' -e 's/hba: \[/hba: ["local walrelay all peer", "host walrelay,replication postgres samehost trust", /' walrelay.yaml
#< docs/operate.md: $ walrelay reload

# A look that goes on ends here after a while.
walrelay() {
    case "$*" in
        *--watch*) timeout 3 walrelay "$@" || [ $? = 124 ] ;;
        *) command walrelay "$@" ;;
    esac
}
#< docs/operate.md: walrelay status --watch
#< docs/operate.md: source <(walrelay
complete -p walrelay
# → walrelay
page=$(cat <<'END'
#< docs/operate.md: http://127.0.0.1:8433/
END
)
curl -sf "$page" | grep -o '<title>.*</title>'
# → walrelay

# What WAL changes: pages written whole and not, and a table that is cut off.
psql -q -c "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n" -c "CHECKPOINT" -c "INSERT INTO t VALUES (0)"
FROM=$(psql -Atc "SELECT pg_current_wal_insert_lsn()")
psql -q -c "DELETE FROM t" -c "VACUUM t"
TO=$(psql -Atc "SELECT pg_current_wal_lsn()")
has "SELECT pg_last_wal_receive_lsn() >= '$TO'" t
#~ from=0/3000028&to=0/5A000000 → from=$FROM&to=$TO
#< docs/operate.md: $ curl "http

# A standby, cloned through the relay, kept by a pin, and fed.
#~ DIRECTORY → standby
#~ /backup/ → {here}/standby/
export PGPASSWORD=secret
#< docs/operate.md: pg_basebackup
unset PGPASSWORD
#< docs/operate.md: walrelay pin create weekly
cp standby/backup_label label
: >standby/postgresql.auto.conf
echo "port = $STANDBY" >>standby/postgresql.conf
cat >>standby/postgresql.conf <<'END'
#< docs/operate.md: primary_conninfo = 'host=relay1
END
postgres -D standby -C primary_conninfo
# → host=relay1,relay2 port=
cat >>standby/postgresql.conf <<'END'
#< docs/operate.md: primary_conninfo = 'host=relay port
END
pg_ctl -D standby -l standby.log -w start >started
#~ STANDBY → standby1
until curl -sf http://127.0.0.1:$HTTP/api/v1/standbys/standby1/promotable >promotable; do sleep 0.1; done
#< docs/operate.md: walrelay why
#< docs/operate.md: curl -f

# A subscriber through the relay, whose slot the standby has, too.
pg_ctl -D subscriber -l subscriber.log -w start >started
psql -q -p $SUBSCRIBER -c "CREATE TABLE orders (id int PRIMARY KEY, what text)"
cat >subscription.sql <<'END'
#< docs/operate.md: CREATE SUBSCRIPTION
END
psql -q -p $SUBSCRIBER -f subscription.sql
psql -q -d shop -c "INSERT INTO orders VALUES (1, 'published')"
until psql -p $SUBSCRIBER -Atc "SELECT what FROM orders" | grep .; do sleep 0.1; done
# → published
until psql -p $STANDBY -Atc "SELECT 'synced: ' || slot_name FROM pg_replication_slots WHERE synced AND NOT temporary AND invalidation_reason IS NULL" | grep .; do
    psql -qAtc "SELECT pg_log_standby_snapshot()" >snapshot
    sleep 0.2
done
# → synced: sub

#~ ('standby1', true) → ('standby3', true)
#~ (standby1, → (standby3,
#< docs/operate.md: $ psql "host=relay

# A query on the standby that keeps rows on the primary.
psql -q -p $STANDBY -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT count(*) FROM t" -c "SELECT pg_sleep(600)" >query &
until [ "$(psql -p $STANDBY -Atc "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]; do sleep 0.1; done
until curl -sf http://127.0.0.1:$HTTP/api/v1/status | grep -q '"capped":true'; do
    psql -q -c "INSERT INTO t VALUES (2)"
    sleep 0.1
done
#~ "reports" → "standby1"
#< docs/operate.md: $ walrelay status

# What is kept is whole, from the base backup on.
#~ --from 0/3000028 --to 0/5000000 → --from $REDO --to $TO
#~ /nowhere → {here}/nowhere
TO=$(psql -Atc "SELECT pg_current_wal_lsn()")
has "SELECT pg_last_wal_receive_lsn() >= '$TO'" t
REDO=$(sed -n 's/^START WAL LOCATION: \([^ ]*\).*/\1/p' label)
ended
#< docs/operate.md: walrelay verify
