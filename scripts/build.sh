# ./dev build: the two executables for a release.
need "to build" "${BUILD_PACKAGES[@]}"
need_swift
[[ $# -eq 0 ]] || fail "build takes no arguments, got: $*"
# Without debug information, which is stripped: it has hashes of caches in it, and two builds would differ by them.
RELEASE=(-c release --static-swift-stdlib -debug-info-format none -Xlinker -s)
build "knocknoc (release)" "${RELEASE[@]}" --product knocknoc
build "knocknoc-agent (release)" "${RELEASE[@]}" --product knocknoc-agent
ln -sf knocknoc .build/release/knocker
ls -lhL .build/release/knocknoc .build/release/knocknoc-agent | awk '{print $9, $5}'
