# docs/restore.md: a primary that archives through the relay, and servers that recover by each restore_command of the page.

export PATH=$POSTGRESQL_15/bin:$PATH PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres
PRIMARY=5432 SERVER=5433 RELAY=6433 HTTP=8433
export PGPORT=$PRIMARY WALRELAY_CONFIG=$PWD/walrelay.yaml WALRELAY_TOKEN=3e1d5c4b
umask 077
mkdir archive
initdb -D primary -U postgres -A trust --no-sync >initdb.log
printf '%s\n' "port = $PRIMARY" "unix_socket_directories = ''" "fsync = off" "archive_mode = on" >>primary/postgresql.conf
pg_ctl -D primary -l primary.log -w start >started
printf '%s\n' "upstream: {conninfo: 'host=127.0.0.1 port=$PRIMARY user=postgres', slot: relay}" "data: $PWD/relay" "cache: {disk: 1GB}" \
    "listen: {address: '127.0.0.1:$RELAY'}" "http: {address: '127.0.0.1:$HTTP', tokens: [{token: $WALRELAY_TOKEN}]}" "archive: {url: 'file://$PWD/archive'}" >walrelay.yaml
walrelay serve 2>relay.log &
until curl -sf http://127.0.0.1:$HTTP/readyz; do sleep 0.1; done

# archives HOW: the primary archives a segment by the command that is in its configuration now.
archives() {
    psql -qc "SELECT pg_reload_conf()" -c "SELECT pg_stat_reset_shared('archiver')" >reloaded
    psql -qc "INSERT INTO t VALUES ('$1')" -c "SELECT pg_create_restore_point('$1'), pg_switch_wal()" >switched
    until [ "$(psql -Atc "SELECT archived_count FROM pg_stat_archiver")" -gt 0 ]; do sleep 0.1; done
}

# recovers NAME [TARGET]: a copy of the backup, which has no WAL of its own, recovers by the settings on standard input, to a restore point or to the end of
# the archive; there the relay waits two seconds for each segment that may still come.
recovers() {
    cp -a base "$1"
    cat - >>"$1"/postgresql.conf
    printf '%s\n' "port = $SERVER" "archive_mode = off" "recovery_target_name = '${2:-}'" "recovery_target_action = promote" >>"$1"/postgresql.conf
    touch "$1"/recovery.signal
    pg_ctl -D "$1" -l "$1".log -w start >started
    until [ "$(psql -p $SERVER -Atc "SELECT pg_is_in_recovery()")" = f ]; do sleep 0.1; done
    psql -p $SERVER -Atc "SELECT '$1: ' || string_agg(what, ', ') FROM t"
    pg_ctl -D "$1" -m immediate -w stop >stopped
}

# Two names of one relay, so that both can be asked.
#~ relay1:8433 → localhost:8433
#~ relay2:8433 → 127.0.0.1:8433
#~ relay:8433 → 127.0.0.1:8433
#~ /opt/walrelay → {here}/bin
#~ /usr/local/bin → {here}/bin

psql -qc "CREATE TABLE t (what text)"
pg_basebackup -D base -c fast --no-sync
rm base/pg_wal/0*

cat >>primary/postgresql.conf <<'EOF'
#< docs/restore.md: archive_mode = on
EOF
archives push

recovers program push <<'EOF'
#< docs/restore.md: restore_command = '/opt/walrelay
EOF
# → program: push

#< docs/restore.md: printf 'Authorization
cat >by-script <<'EOF'
#< docs/restore.md: restore_command = '/usr/local/bin
EOF
sed -n 1p by-script | recovers script push
# → script: push
sed -n 2p by-script | recovers relays push
# → relays: push

# What has no place for a token, on the machine of a relay without one.
sed -i 's/, tokens: .*}]}/}/' walrelay.yaml
walrelay reload

cat >>primary/postgresql.conf <<'EOF'
#< docs/restore.md: archive_command = 'curl
EOF
archives curl

recovers curl <<'EOF'
#< docs/restore.md: restore_command = 'case
EOF
# → curl: push, curl

kill %walrelay
wait %walrelay || [ $? = 143 ]
