# What every command of ./dev shares. Sourced, not run.

BUILD_PACKAGES=(
    libpq-dev libssl-dev libsqlite3-dev libnftables-dev libmnl-dev libsodium-dev libnetfilter-conntrack-dev
    pkg-config zlib1g-dev libstdc++-12-dev
)
RUN_PACKAGES=(nftables iproute2 haproxy)
TEST_PACKAGES=(
    postgresql nftables iproute2 conntrack haproxy chromium chromium-driver python3 curl openssl procps util-linux
)
BENCH_PACKAGES=(postgresql nftables iproute2 python3 curl openssl wrk fwknop-server fwknop-client knockd iptables)

# Every build refuses an import that its target does not declare.
SWIFT_BUILD=(swift build --explicit-target-dependency-import-check error)

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() {
    printf './dev: %s\n' "$*" >&2
    exit 1
}

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# need WHY PACKAGE…: installs what is missing and says which and why.
need() {
    local why=$1 package missing=()
    shift
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    command -v apt-get >/dev/null || fail "these Debian packages are needed $why, and there is no apt-get: ${missing[*]}"
    [[ $EUID -eq 0 ]] || command -v sudo >/dev/null ||
        fail "these packages are needed $why; as root run: apt-get install ${missing[*]}"
    say "Installing ${missing[*]}: needed $why."
    # RUNLEVEL keeps the packages' own services from being started; we only want the programs.
    { as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
        fail "apt-get could not install them; what is needed $why: apt-get install ${missing[*]}"
}

need_swift() {
    command -v swift >/dev/null || fail "there is no swift in PATH; install Swift 6.3 or newer from swift.org/install"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -1)
    read -r major minor <<<"${version:-0 0}"
    [[ $major -gt 6 || ($major -eq 6 && $minor -ge 3) ]] ||
        fail "Swift $major.$minor is too old; Swift 6.3 or newer is needed"
}

# build WHAT FLAG…: a build whose full output is shown only when it fails.
build() {
    local what=$1 log status=0
    shift
    log=$(mktemp)
    say "Building $what; the first time takes minutes."
    if [[ -t 1 ]]; then "${SWIFT_BUILD[@]}" "$@" || status=$?; else
        "${SWIFT_BUILD[@]}" "$@" >"$log" 2>&1 || status=$?
        if [[ $status -ne 0 ]]; then grep -E -A6 'error:' "$log" | head -150 || tail -50 "$log"; fi
    fi
    rm -f "$log"
    [[ $status -eq 0 ]] || fail "the build of $what failed"
}
