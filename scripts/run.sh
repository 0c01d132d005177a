# ./dev run: the all-in-one with a sample, in the foreground; Ctrl-C stops it.
need "to build and to run" "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}"
need_swift
# A debug build is there in half the time of a release build, and fast enough to look at.
build "knocknoc (debug)" --product knocknoc
build "knocknoc-agent (debug)" --product knocknoc-agent
ln -sf knocknoc .build/debug/knocker
say "Starting; the data is kept in .knocknoc, Ctrl-C stops it."
.build/debug/knocknoc serve --all-in-one --data-dir .knocknoc --sample "$@" &
server=$!
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM
status=0
while kill -0 "$server" 2>/dev/null; do
    status=0
    wait "$server" || status=$?
done
if [[ $EUID -eq 0 ]] && nft list table inet knocknoc >/dev/null 2>&1; then
    say "The demo port stays guarded, as every guard does. To open it again:"
    echo "    .build/debug/knocknoc-agent unguard --all --guard-file $PWD/.knocknoc/agent/guard.nft"
fi
exit "$status"
