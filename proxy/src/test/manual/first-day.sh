# README.md from "Put it behind an existing cluster" on, the first run of docs/configure.md, and what docs/kubernetes.md asks a primary.

export PATH=$POSTGRESQL_15/bin:$PATH PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres
PRIMARY=5432 STANDBY=5433 RELAY=6433 HTTP=8433
export PGPORT=$PRIMARY WALRELAY_LISTEN_ADDRESS=127.0.0.1:$RELAY WALRELAY_HTTP_ADDRESS=127.0.0.1:$HTTP
umask 077
initdb -D primary -U postgres -A trust --no-sync -k >initdb.log
printf '%s\n' "port = $PRIMARY" "unix_socket_directories = ''" "fsync = off" "checkpoint_completion_target = 0" >>primary/postgresql.conf
pg_ctl -D primary -l primary.log -w start >started
psql -qc "CREATE ROLE repl LOGIN REPLICATION PASSWORD 'secret'" -c "CREATE TABLE t (what text)"

# The primary lets nobody in but as what is printed says, and postgres.
#~ ./walrelay → walrelay
#~ RELAY_IP → 127.0.0.1
#< README.md: ./walrelay setup-sql … >setup.sql
grep -v '^.password' setup.sql | psql -qAt >setup.log
psql -qc "ALTER ROLE walrelay PASSWORD 'secret'"
{ sed -n 's/^--   host/host/p' setup.sql; printf '%s\n' "host replication repl 127.0.0.1/32 scram-sha-256" "host all postgres 127.0.0.1/32 trust"; } >primary/pg_hba.conf
psql -qc "SELECT pg_reload_conf()" >reloaded

#~ host=pg1,pg2 user=walrelay → host=127.0.0.1 port=5432 user=walrelay
#~ host=pg1 user=walrelay → host=127.0.0.1 port=5432 user=walrelay
#~ PGPASSWORD=… → PGPASSWORD=secret
#~ /var/lib/walrelay → {here}/data
#< README.md: export PGPASSWORD

# started: the relay is up and has WAL.
started() {
    until curl -sf http://127.0.0.1:$HTTP/readyz; do sleep 0.1; done
}

# ended: the relay's exit status after SIGTERM is that of SIGTERM.
ended() {
    kill %walrelay
    wait %walrelay || [ $? = 143 ]
}

#< README.md: ./walrelay serve … 2>relay.log &
started
ended

# The same by a file; passwords are in one, too.
unset PGPASSWORD
echo "*:*:*:*:secret" >pgpass
export PGPASSFILE=$PWD/pgpass
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=relay" -keyout server.key -out server.crt 2>openssl.log
#~ /etc/walrelay → {here}
#~ 10.0.0.0/8 → 127.0.0.0/8
#~ s3://wal/prod?endpoint=https://minio:9000 → file://{here}/archive
mkdir archive
cat >walrelay.yaml <<'END'
#< README.md: upstream: { conninfo
#< README.md: archive: { url
END
walrelay serve -c walrelay.yaml 2>>relay.log &
started

# A standby: its slot, and, for a new one, both in one.
#~ host=relay port=6433 → host=127.0.0.1 port=6433
#~ DIRECTORY → standby
#< README.md: psql "host=relay … | tee slot
grep -q standby1 slot
walrelay slot drop standby1 -c walrelay.yaml
#< README.md: pg_basebackup
grep -q "primary_slot_name = 'standby1'" standby/postgresql.auto.conf

#~ http://relay:8433 → http://127.0.0.1:8433
#~ /usr/local/bin → {here}/bin
#< README.md: curl http://relay
: >standby/postgresql.auto.conf
echo "port = $STANDBY" >>standby/postgresql.conf
cat >>standby/postgresql.conf <<'END'
#< README.md: primary_conninfo
#< README.md: restore_command
END
pg_ctl -D standby -l standby.log -w start >started
psql -qc "INSERT INTO t VALUES ('through the relay')"
until psql -p $STANDBY -Atc "SELECT what FROM t" | grep .; do sleep 0.1; done
# → through the relay
walrelay why standby1 -c walrelay.yaml
pg_ctl -D standby -m fast -w stop >stopped
ended

# docs/configure.md: no file, and the password as libpq finds it.
#< docs/configure.md: walrelay serve … 2>>relay.log &
started

# docs/kubernetes.md: what an operator asks the primary, and how a relay that was scaled away leaves it. A pod of the relay's is this machine.
kubectl() {
    [ "$1 $3" = "exec --" ]
    "${@:4}"
}
export WALRELAY_UPSTREAM_CONNINFO="host=127.0.0.1 port=$PRIMARY user=walrelay"
psql -qc "SELECT pg_create_physical_replication_slot('walrelay_relay_walrelay_1', true)" >made
cat >left.sql <<'END'
#< docs/kubernetes.md: SELECT slot_name
END
psql -At -f left.sql | grep -q '^walrelay_relay_walrelay_1|f|'
#< docs/kubernetes.md: kubectl exec
[ -z "$(psql -At -f left.sql | grep walrelay_1)" ]

# What PostgreSQL reads of the list of pods.
mkdir pods
cat >pods/postgresql.conf <<'END'
#< docs/kubernetes.md: primary_conninfo
END
postgres -D "$PWD/pods" -C primary_conninfo
# → host=relay-walrelay-0.relay-walrelay-pods.db.svc.cluster.local,relay-walrelay-1

ended
