#!/bin/sh
# walrelay's restore_command for hosts without Java; needs a POSIX shell and curl. In postgresql.conf:
#
#   restore_command = '/path/restore.sh --relay http://relay1:8433,http://relay2:8433 %f %p'
#
#   --relay URL[,URL]    relays in the order in which they are asked; the first that has the file gives it
#   --mode MODE          standby, pitr or rewind (default: standby where standby.signal is, else pitr)
#   --wait TIME          how long a relay may wait for a segment that is not there yet (default: 2s)
#   --timeout TIME       how long a relay may send less than 1 kB/s, beside --wait (default: 10s)
#   --prefetch N         segments that are fetched in the background while a server replays, into pg_wal/walrelay.prefetch (default: 2)
#   --retries N          rounds after the first while nobody could look (default: 0 in mode standby, else 2)
#   --timeline SELECTOR  the lineage: 2, or 2@0/3002830 when the number was taken twice
#   --standby NAME       who asks, for a relay that delays standbys
#   --token-file FILE    has a bearer token on its first line (default: the variable WALRELAY_TOKEN)
#   --ca-file FILE       who signed the relay's certificate; --cert FILE and --key FILE: a client certificate
#
# Exit status: 0 the file is at PATH; 1 it is absent, or in mode standby nobody could look, for a standby asks again;
# 126 in the other modes when nobody could look, or the file is not of the lineage: above 125 PostgreSQL stops a
# recovery, and up to 125 it takes it for the end of WAL.
set -uf
export LC_ALL=C

relays='@RELAY@'
mode=
wait=2s
timeout=10s
prefetch=2
retries=
timeline=
standby=
token_file=
ca_file=
cert=
key=
name=
path=

newline='
'
temporary=
most_bytes=1073741824

# Whatever happens, this is the exit status. PostgreSQL must not take an accident for the end of WAL.
verdict=126
[ ! -f standby.signal ] || verdict=1
finish() {
    [ -z "$temporary" ] || rm -f -- "$temporary"
    exit "$verdict"
}
trap finish EXIT
trap 'verdict=129; exit' HUP
trap 'verdict=130; exit' INT
trap 'verdict=131; exit' QUIT
trap 'verdict=143; exit' TERM

say() {
    echo "restore.sh: $*" >&2
}

refuse() {
    say "$*"
    exit
}

# seconds TIME: sets seconds, rounded up.
seconds() {
    seconds=${1%%[!0-9]*}
    case $seconds-${1#"$seconds"} in
        ?*-ms) seconds=$(((seconds + 999) / 1000)) ;;
        ?*-s) ;;
        ?*-min) seconds=$((seconds * 60)) ;;
        ?*-h) seconds=$((seconds * 3600)) ;;
        *) refuse "not a time: \"$1\"; expected a whole number with a unit of ms, s, min or h, like 10s" ;;
    esac
}

while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) sed -n '/^#!/d; /^#/!q; s/^# \{0,1\}//p' "$0" && verdict=0 && exit ;;
        --*=*) option=${1%%=*} && value=${1#*=} && shift && set -- "$option" "$value" "$@" ;;
        --*) [ $# -ge 2 ] || refuse "$1 has no value" ;;
    esac
    case $1 in
        --relay) relays=$2 ;;
        --mode) mode=$2 ;;
        --wait) wait=$2 ;;
        --timeout) timeout=$2 ;;
        --prefetch) prefetch=$2 ;;
        --retries) retries=$2 ;;
        --timeline) timeline=$2 ;;
        --standby) standby=$2 ;;
        --token-file) token_file=$2 ;;
        --ca-file) ca_file=$2 ;;
        --cert) cert=$2 ;;
        --key) key=$2 ;;
        -*) refuse "unknown option $1; the first lines of $0 say what there is" ;;
        *)
            if [ -z "$name" ]; then
                name=$1
            elif [ -z "$path" ]; then
                path=$1
            else
                refuse "too much: \"$1\"; expected %f %p"
            fi
            shift
            continue
            ;;
    esac
    shift 2
done

# A server that is promoted, or whose recovery has ended, takes its signal file away and then asks for the history of the timeline that it leaves. Above
# 125 would end it there, to come up again on that timeline; it can do without where pg_wal has that history, or there is none, as of the first.
is_leaving() {
    [ "$path" = pg_wal/RECOVERYHISTORY ] && [ ! -f recovery.signal ] && { [ "$name" = 00000001.history ] || [ -f "pg_wal/$name" ]; }
}

case $mode in
    '')
        mode=pitr
        if [ -f standby.signal ] || is_leaving; then
            mode=standby
            verdict=1
        fi
        ;;
    standby) verdict=1 ;;
    pitr | rewind) verdict=126 ;;
    *) refuse "--mode is \"$mode\"; expected standby, pitr or rewind" ;;
esac
if [ -z "$retries" ]; then
    retries=2
    [ "$mode" != standby ] || retries=0
fi
case $retries in
    *[!0-9]*) refuse "--retries is \"$retries\"; expected a whole number" ;;
esac
case $prefetch in
    '' | *[!0-9]* | ????*) refuse "--prefetch is \"$prefetch\"; expected a whole number up to 999" ;;
esac
case $relays in
    '' | @*) refuse "no relay; expected --relay with URLs like http://relay1:8433,http://relay2:8433" ;;
esac
IFS=,
for relay in $relays; do
    case $relay in
        http://?* | https://?*) ;;
        *) refuse "not a relay's URL: \"$relay\"; expected one like http://relay1:8433, several with commas between them" ;;
    esac
done
unset IFS
hex8='[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]'
case $name in
    $hex8$hex8$hex8 | $hex8$hex8$hex8.partial | $hex8$hex8$hex8.$hex8.backup | $hex8.history) ;;
    *) refuse "not a WAL file name: \"$name\"; expected %f %p" ;;
esac
[ -n "$path" ] || refuse "no path for $name; expected %f %p"
temporary=$path.walrelay-$$

# On curl's standard input and never on its command line, which everybody on this machine can read.
token=${WALRELAY_TOKEN:-}
if [ -n "$token_file" ]; then
    token=
    { IFS= read -r token <"$token_file"; } 2>/dev/null || [ -n "$token" ] || refuse "no token in $token_file; expected it on the first line"
fi
config=
case $token in
    '') ;;
    *[!!-~]* | *\"* | *\\*) refuse "the token has characters other than printable ASCII without \" and \\" ;;
    *) config="header = \"Authorization: Bearer $token\"" ;;
esac

seconds "$wait"
stall=$seconds
seconds "$timeout"
stall=$((stall + seconds))
[ "$stall" -gt 0 ] || stall=1

set -- -sS -g -G --noproxy '*' --connect-timeout 5 --speed-limit 1000 --speed-time "$stall" --max-filesize "$most_bytes" \
    -K - -D - -w '\nwas %{http_code} %{size_download}\n'
[ -z "$timeline" ] || set -- "$@" --data-urlencode "timeline=$timeline"
[ -z "$standby" ] || set -- "$@" --data-urlencode "standby=$standby"
[ -z "$ca_file" ] || set -- "$@" --cacert "$ca_file"
[ -z "$cert" ] || set -- "$@" --cert "$cert"
[ -z "$key" ] || set -- "$@" --key "$key"

# is_whole: whether what came (size) can be all of the file; length is what the relay said.
is_whole() {
    case $name in
        *.*) least=1 ;;
        *) least=1048576 ;;
    esac
    if [ -z "$length" ]; then
        reason="it does not say the length"
    elif [ "$length" != "$size" ]; then
        reason="$size bytes came of $length"
    elif [ "$size" -lt "$least" ] || [ "$size" -gt "$most_bytes" ]; then
        reason="$size bytes can't be $name"
    elif [ "$least" -gt 1 ] && [ "$((size & (size - 1)))" != 0 ]; then
        reason="$size bytes are no segment; expected a power of two"
    else
        return 0
    fi
    return 1
}

# What the relay says about a refusal, if it is a line of text.
first_line() {
    line=
    { IFS= read -r line <"$temporary"; } 2>/dev/null || :
    case $line in
        '' | *[!\ -~]*) ;;
        *) reason="$reason: $line" ;;
    esac
}

# ask RELAY CURL-OPTION...: sets outcome to found (the whole file is at temporary, and has size bytes), absent, elsewhere (not of the lineage) or
# unknown, and reason.
ask() {
    url=${1%/}/wal/$name
    shift
    answer=$(
        # In place of the shell that runs it: if both were told to end, curl could be left to process 1.
        exec curl -q -o "$temporary" -d "mode=$mode" -d "wait=$wait" "$@" "$url" 2>&1 <<EOF
$config
EOF
    )
    status=$?
    was=${answer##*"$newline"was }
    code=${was%% *}
    size=${was#* }
    size=${size%%[!0-9]*}
    outcome=unknown
    if [ "$status" != 0 ]; then
        reason="curl exited with $status"
        case $answer in
            *'curl: '*)
                reason=${answer##*curl: }
                reason=${reason%%"$newline"*}
                ;;
        esac
        # Curl's number for what it can't write.
        [ "$status" != 23 ] || reason="$reason: $temporary"
        return
    fi
    length=
    case $answer in
        *"$newline"[Cc]ontent-[Ll]ength:*)
            length=${answer##*"$newline"[Cc]ontent-[Ll]ength:}
            length=${length# }
            length=${length%%[!0-9]*}
            ;;
    esac
    reason="HTTP $code"
    case $code in
        200) ! is_whole || outcome=found ;;
        404)
            # Any server answers 404 to what it does not know. A relay that has looked names the file.
            case $answer in
                *"$newline"[Xx]-[Ww]alrelay-[Aa]bsent:\ "$name"[!.0-9A-Za-z]*) outcome=absent ;;
                *)
                    first_line
                    reason="$reason; this is no answer of a relay: is it the URL of its HTTP port?"
                    ;;
            esac
            ;;
        409)
            outcome=elsewhere
            first_line
            ;;
        *)
            first_line
            case $answer in
                *"$newline"[Rr]etry-[Aa]fter:\ [0-9]*)
                    pause=${answer##*"$newline"[Rr]etry-[Aa]fter: }
                    pause=${pause%%[!0-9]*}
                    [ "${#pause}" -le 2 ] && [ "$pause" -le 10 ] || pause=10
                    ;;
            esac
            ;;
    esac
}

# ask_all CURL-OPTION...: asks the relays in turn until one has the file. Else sets unknown and elsewhere to what they have said.
ask_all() {
    pause=2
    unknown=
    elsewhere=
    IFS=,
    for relay in $relays; do
        unset IFS
        ask "$relay" "$@"
        case $outcome in
            found) return ;;
            elsewhere) elsewhere="${elsewhere:+$elsewhere; }$relay: $reason" ;;
            unknown) unknown="${unknown:+$unknown; }$relay: $reason" ;;
        esac
    done
    unset IFS
}

# While a server replays a segment, a process in the background fetches the next ones into the directory $spool:
#
#   for                  RUN, since which start of the machine (what a crash left may be torn), and what was asked for
#   RUN/NAME.TIME-SIZE   a whole segment, and when it came
#   RUN/NAME.part        one that comes
#   RUN/goal             the number of the last segment that is wanted
#   RUN/fetcher          the process and when it began; empty when it has ended
# One process at a time writes into a RUN. Whoever can't know that begins another, so that no two write the same file.
spool= boot=
[ "$mode" = rewind ] || [ "$prefetch" = 0 ] || case /$path in
    # Where recovering servers want their files, and nobody else.
    */pg_wal/RECOVERYXLOG | */pg_wal/RECOVERYHISTORY)
        { IFS= read -r boot </proc/sys/kernel/random/boot_id && spool=${path%/*}/walrelay.prefetch; } 2>/dev/null
        ;;
esac
purpose="$boot $mode $timeline $standby $relays"
# Seconds. A relay may say something else by then: after a failover it has another history, which a standby must follow.
[ "$mode" = standby ] && fresh=10 || fresh=60

# find_run: sets run to the directory that is filled for this purpose.
find_run() {
    line=
    { IFS= read -r line <"$spool/for"; } 2>/dev/null
    run=$spool/${line%% *}
    [ "${line#* }" = "$purpose" ]
}

# set_birth PID: sets birth to when the process began, or to nothing when it has ended.
set_birth() {
    birth=
    { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return
    # Behind the name, which may have blanks: the state, and 19 fields further the time.
    set -- ${line##*) }
    [ "$1" = Z ] || birth=${20}
}

is_fetching() {
    { read -r fetcher since <"$run/fetcher"; } 2>/dev/null && set_birth "$fetcher" && [ -n "$birth" ] && [ "$birth" = "$since" ]
}

# is_ahead: whether the segment is there as a whole; sets file.
is_ahead() {
    set +f
    for file in "$run/$name".*-*; do break; done
    set -f
    [ -e "$file" ]
}

# is_fresh FILE NOW
is_fresh() {
    came=${1##*.}
    age=$(($2 - ${came%-*}))
    [ "$age" -ge 0 ] && [ "$age" -le "$fresh" ]
}

# take: moves the segment to path if it was fetched, and sets size. One that comes is waited for: curl's limits bound that.
take() {
    find_run || return
    while [ -e "$run/$name.part" ] && is_fetching; do
        sleep 0.02 2>/dev/null || sleep 1
    done
    is_ahead && is_fresh "$file" "$(date +%s)" || return
    size=${file##*-}
    mv -f -- "$file" "$path"
}

# set_name: sets name to segment number of the same timeline; per_id of them have the same middle part.
set_name() {
    name=${name%????????????????}$(printf %08X%08X $((number / per_id)) $((number % per_id)))
}

# go_on CURL-OPTION...: has what comes after name, which has size bytes, fetched in the background.
go_on() {
    per_id=$((4294967296 / size))
    log=${name#????????}
    number=$((0x${log%????????} * per_id + 0x${log#????????} + 1))
    set_name
    goal=$((number + prefetch - 1))
    if ! find_run || { [ -s "$run/fetcher" ] && ! is_fetching; }; then
        rm -rf -- "$spool"
        run=$spool/$$-$(date +%s)
        mkdir -p -m 700 -- "$run" || return
        echo "${run##*/} $purpose" >"$spool/for"
    fi
    echo "$goal" >"$run/goal"
    if [ ! -s "$run/fetcher" ]; then
        # Before who asks for it next may look.
        true >"$run/$name.part"
        fetch_ahead "$@" </dev/null >/dev/null &
        set_birth "$!"
        echo "$! $birth" >"$run/fetcher"
    fi
}

# fetch_ahead CURL-OPTION...: fetches name and what comes after it, up to the goal, which moves on meanwhile, or to where relays have no more.
fetch_ahead() {
    # A PostgreSQL that is the first process of a container inherits this one, and takes any other status of it for a crash of its own.
    trap 'exit 0' EXIT HUP INT QUIT TERM
    wait=0s
    while { read -r goal <"$run/goal"; } && [ "$number" -le "$goal" ]; do
        if [ "$number" -le "$((goal - prefetch))" ]; then
            rm -f -- "$run/$name.part"
            number=$((goal - prefetch + 1))
            set_name
        fi
        temporary=$run/$name.part
        now=$(date +%s)
        set +f
        for file in "$run"/*.*-*; do
            [ ! -e "$file" ] || is_fresh "$file" "$now" || rm -f -- "$file"
        done
        set -f
        if is_ahead; then
            rm -f -- "$temporary"
        else
            ask_all "$@"
            [ "$outcome" = found ] && mv -f -- "$temporary" "$run/$name.$(date +%s)-$size" || break
        fi
        number=$((number + 1))
        set_name
    done
    rm -f -- "$temporary"
    true >"$run/fetcher"
}

case $spool-$name in
    -* | *.backup | *.partial) spool= ;;
    *.history)
        # A recovery begins or ends, or a standby looks for another timeline.
        [ ! -d "$spool" ] || rm -rf -- "$spool"
        spool=
        ;;
    *)
        if take; then
            temporary=
            verdict=0
            { go_on "$@"; } 2>/dev/null
            exit
        fi
        ;;
esac

round=0
while :; do
    ask_all "$@"
    if [ "$outcome" = found ]; then
        mv -f -- "$temporary" "$path" || refuse "could not rename $temporary to $path"
        temporary=
        verdict=0
        [ -z "$spool" ] || { go_on "$@"; } 2>/dev/null
        exit
    fi
    # Only when every relay has said so is a file absent.
    if [ -z "$unknown$elsewhere" ]; then
        verdict=1
        exit
    fi
    if [ -z "$unknown" ]; then
        refuse "$name is not of the lineage: $elsewhere"
    fi
    [ "$round" -lt "$retries" ] || refuse "could not look for $name: $unknown${elsewhere:+; $elsewhere}"
    round=$((round + 1))
    sleep "$pause"
done
