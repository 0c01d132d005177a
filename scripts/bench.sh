# ./dev bench [NAME…]: measures a release build against its peers and its floor, and writes docs/performance.md.
# ./dev bench modes: the memory of each way to run it, into docs/deployment-modes.md.
need "to build and to measure" "${BUILD_PACKAGES[@]}" "${BENCH_PACKAGES[@]}"
need_swift
[[ $EUID -eq 0 ]] || fail "the measurements need network namespaces; run ./dev bench as root"
if [[ -z ${KNOCKNOC_BIN:-} ]]; then
    (. scripts/build.sh)
    export KNOCKNOC_BIN=$PWD/.build/release
fi
[[ ${1:-} != modes ]] || exec python3 -B Benchmarks/modes.py
exec python3 -B Benchmarks/bench.py "$@"
