# ./dev run: the all-in-one with a sample, in the foreground; Ctrl-C stops it.
need_swift
need "to build" "${BUILD_PACKAGES[@]}"
need "to run" "${RUN_PACKAGES[@]}"
# A debug build is there in half the time of a release build, and fast enough to look at.
build "knocknoc and knocknoc-agent (debug)" --product knocknoc
build "knocknoc-agent (debug)" --product knocknoc-agent
ln -sf knocknoc .build/debug/knocker
say "Starting; the data is kept in .knocknoc, Ctrl-C stops it."
exec .build/debug/knocknoc serve --all-in-one --data-dir .knocknoc --sample "$@"
