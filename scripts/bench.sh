# ./dev bench [NAME…]: measures a release build against its peers and its floor, and writes docs/performance.md.
need_swift
need "to build" "${BUILD_PACKAGES[@]}"
need "to measure" "${BENCH_PACKAGES[@]}"
[[ $EUID -eq 0 ]] || fail "the measurements need network namespaces; run ./dev bench as root"
if [[ -z ${KNOCKNOC_BIN:-} ]]; then
    (. scripts/build.sh)
    export KNOCKNOC_BIN=$PWD/.build/release
fi
exec python3 -B Benchmarks/bench.py "$@"
