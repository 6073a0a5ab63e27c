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
LC_ALL=C
export LC_ALL

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
        -*) refuse "not a time: \"$1\"; expected a whole number with a unit of ms, s, min or h, like 10s" ;;
        *-ms) seconds=$(((seconds + 999) / 1000)) ;;
        *-s) ;;
        *-min) seconds=$((seconds * 60)) ;;
        *-h) seconds=$((seconds * 3600)) ;;
        *) refuse "not a time: \"$1\"; expected a whole number with a unit of ms, s, min or h, like 10s" ;;
    esac
}

while [ $# -gt 0 ]; do
    case $1 in
        --*=*)
            option=${1%%=*}
            value=${1#*=}
            shift
            set -- "$option" "$value" "$@"
            ;;
    esac
    case $1 in
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

case $mode in
    '') mode=pitr && [ ! -f standby.signal ] || mode=standby ;;
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
        curl -q -o "$temporary" -d "mode=$mode" -d "wait=$wait" "$@" "$url" 2>&1 <<EOF
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
        200)
            if is_whole; then
                outcome=found
            fi
            ;;
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
            absent) ;;
            elsewhere) elsewhere="${elsewhere:+$elsewhere; }$relay: $reason" ;;
            unknown) unknown="${unknown:+$unknown; }$relay: $reason" ;;
        esac
    done
    unset IFS
}

# While a server replays a segment, a process in the background fetches the next ones into the directory $ahead:
#
#   NAME.TIME-SIZE   a whole segment, and when it came
#   NAME.part        one that comes
#   for              what was asked for and since which start of the machine: what a crash left may be torn
#   fetcher, goal    that process, and the number of the segment up to which it goes
#
# PostgreSQL asks for one file at a time, so there is one such process at a time.
ahead=
boot=
# What a relay would answer now may be something else: after a failover it has another history.
fresh=10
if [ "$prefetch" -gt 0 ] && [ "$mode" != rewind ]; then
    # Where recovering servers want their files, and nobody else.
    case /$path in
        */pg_wal/RECOVERYXLOG | */pg_wal/RECOVERYHISTORY)
            if { IFS= read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null; then
                ahead=${path%/*}/walrelay.prefetch
            fi
            ;;
    esac
fi
purpose="$boot $mode $timeline $standby $relays"

has_purpose() {
    { IFS= read -r line <"$ahead/for"; } 2>/dev/null && [ "$line" = "$purpose" ]
}

is_fetching() {
    { IFS= read -r fetcher <"$ahead/fetcher"; } 2>/dev/null && kill -0 "$fetcher" 2>/dev/null
}

# is_fresh FILE NOW
is_fresh() {
    came=${1##*.}
    age=$(($2 - ${came%-*}))
    [ "$age" -ge 0 ] && [ "$age" -le "$fresh" ]
}

# is_ahead: whether the segment is there as a whole; sets file.
is_ahead() {
    set +f
    for file in "$ahead/$name".*-*; do
        break
    done
    set -f
    [ -e "$file" ]
}

# take: moves the segment to path if it was fetched, and sets size.
take() {
    has_purpose || return
    looks=$((stall * 50))
    while [ -e "$ahead/$name.part" ] && is_fetching && [ "$looks" -gt 0 ]; do
        looks=$((looks - 1))
        sleep 0.02 2>/dev/null || sleep 1
    done
    is_ahead && is_fresh "$file" "$(date +%s)" || return
    size=${file##*-}
    mv -f -- "$file" "$path"
}

# set_next: sets name to the segment after it, and number to the number of that.
set_next() {
    per_id=$((4294967296 / size))
    rest=${name#????????}
    number=$((0x${rest%????????} * per_id + 0x${rest#????????} + 1))
    name=${name%"$rest"}$(printf %08X%08X $((number / per_id)) $((number % per_id)))
}

# go_on CURL-OPTION...: has what comes after name, which has size bytes, fetched in the background.
go_on() {
    set_next
    if is_fetching; then
        echo $((number + prefetch - 1)) >"$ahead/goal"
        return
    fi
    if ! has_purpose; then
        rm -rf -- "$ahead"
        mkdir -m 700 -- "$ahead" || return
        echo "$purpose" >"$ahead/for"
    fi
    echo $((number + prefetch - 1)) >"$ahead/goal"
    # Before who asks for it next may look.
    : >"$ahead/$name.part"
    fetch_ahead "$@" </dev/null >/dev/null &
    echo "$!" >"$ahead/fetcher"
}

# fetch_ahead CURL-OPTION...: fetches name and what comes after it, up to the goal, which moves on meanwhile, or to where relays have no more.
fetch_ahead() {
    wait=0s
    temporary=$ahead/$name.part
    now=$(date +%s)
    set +f
    for file in "$ahead"/*.part "$ahead"/*.*-*; do
        case $file in
            "$temporary" | *'*'*) ;;
            *.part) rm -f -- "$file" ;;
            *) is_fresh "$file" "$now" || rm -f -- "$file" ;;
        esac
    done
    while { read -r goal <"$ahead/goal"; } && [ "$number" -le "$goal" ]; do
        temporary=$ahead/$name.part
        if is_ahead; then
            rm -f -- "$temporary"
        else
            ask_all "$@"
            [ "$outcome" = found ] && mv -f -- "$temporary" "$ahead/$name.$(date +%s)-$size" || break
        fi
        set_next
    done
    rm -f -- "$temporary"
}

if [ -n "$ahead" ]; then
    case $name in
        *.history)
            # A recovery begins or ends, or a standby looks for another timeline.
            [ ! -d "$ahead" ] || rm -rf -- "$ahead"
            ahead=
            ;;
        *.*) ahead= ;;
        *)
            if take; then
                temporary=
                verdict=0
                { go_on "$@"; } 2>/dev/null
                exit
            fi
            ;;
    esac
fi

round=0
while :; do
    ask_all "$@"
    if [ "$outcome" = found ]; then
        mv -f -- "$temporary" "$path" || refuse "could not rename $temporary to $path"
        temporary=
        verdict=0
        [ -z "$ahead" ] || { go_on "$@"; } 2>/dev/null
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
