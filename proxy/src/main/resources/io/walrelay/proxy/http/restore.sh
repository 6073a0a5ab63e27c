#!/bin/sh
# walrelay's restore_command for hosts without Java; needs a POSIX shell and curl. In postgresql.conf:
#
#   restore_command = '/path/restore.sh --relay http://relay1:8433,http://relay2:8433 %f %p'
#
#   --relay URL[,URL]    relays in the order in which they are asked; the first that has the file gives it
#   --mode MODE          standby, pitr or rewind (default: standby where standby.signal is, else pitr)
#   --wait TIME          how long a relay may wait for a segment that is not there yet (default: 2s)
#   --timeout TIME       how long a relay may send less than 1 kB/s, beside --wait (default: 10s)
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

set -- -q -sS -g -G --noproxy '*' --connect-timeout 5 --speed-limit 1000 --speed-time "$stall" --max-filesize "$most_bytes" \
    -K - -D - -o "$temporary" -w '\nwas %{http_code} %{size_download}\n' -d "mode=$mode" -d "wait=$wait"
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

# ask RELAY CURL-OPTION...: sets outcome to found, absent, elsewhere (not of the lineage) or unknown, and reason.
ask() {
    url=${1%/}/wal/$name
    shift
    answer=$(
        curl "$@" "$url" 2>&1 <<EOF
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
                if mv -f -- "$temporary" "$path"; then
                    outcome=found
                else
                    reason="could not rename $temporary to $path"
                fi
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

round=0
while :; do
    pause=2
    unknown=
    elsewhere=
    IFS=,
    for relay in $relays; do
        unset IFS
        ask "$relay" "$@"
        case $outcome in
            found)
                temporary=
                verdict=0
                exit
                ;;
            absent) ;;
            elsewhere) elsewhere="${elsewhere:+$elsewhere; }$relay: $reason" ;;
            unknown) unknown="${unknown:+$unknown; }$relay: $reason" ;;
        esac
    done
    unset IFS
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
