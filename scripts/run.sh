# ./dev run: the all-in-one with a sample, in the foreground; Ctrl-C stops it.
for argument in "$@"; do
    case $argument in
        -h | --help)
            cat <<'HELP'
./dev run [FLAG…]   builds knocknoc and knocknoc-agent (debug), and starts the all-in-one with a ready sample on
                    http://127.0.0.1:8756, in the foreground; Ctrl-C stops it. The data is kept in .knocknoc.

FLAG… is passed on to `knocknoc serve`, such as --listen HOST:PORT; all of them, once it is built:
                    .build/debug/knocknoc serve --help
HELP
            exit
            ;;
    esac
done
need "to build and to run" "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}"
need_swift
# A debug build is there in half the time of a release build, and fast enough to look at.
build "knocknoc (debug)" --product knocknoc
build "knocknoc-agent (debug)" --product knocknoc-agent
ln -sf knocknoc .build/debug/knocker
agent="$PWD/.build/debug/knocknoc-agent" guards="--guard-file $PWD/.knocknoc/agent/guard.nft"
table() { [[ $EUID -eq 0 ]] && nft list table inet knocknoc 2>/dev/null; }
if [[ $(table) == *'chain un_'* ]]; then
    say "Guards were taken away here by hand and stay away. To let them apply again:"
    echo "    $agent unguard --undo $guards"
fi
# Where to go and how to begin, below what is logged while it starts: shown when nothing more of it comes.
welcome() {
    trap '' INT TERM
    local line held=''
    while true; do
        if IFS= read -r -t 1 line; then
            held+=$line$'\n'
        elif (($? > 128)); then
            # A line may have come half.
            held+=$line
            [[ -z $held ]] || printf '\n%s\n' "$held"
            held=''
        else
            break
        fi
    done
    printf '%s' "$held$line"
}
say "Starting; the data is kept in .knocknoc, Ctrl-C stops it."
exec {shown}> >(welcome)
welcome=$!
.build/debug/knocknoc serve --all-in-one --data-dir .knocknoc --sample "$@" >&"$shown" {shown}>&- &
server=$!
exec {shown}>&-
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM
status=0
while kill -0 "$server" 2>/dev/null; do
    status=0
    wait "$server" || status=$?
done
# What it has said last is there before anything that follows.
wait "$welcome" || true
if [[ $(table) == *'chain id_'* ]]; then
    say "The demo port stays guarded, as every guard does. To open it again:"
    echo "    $agent unguard --all $guards"
fi
exit "$status"
