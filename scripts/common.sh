# What every command of ./dev shares. Sourced, not run.

# What swift.org's installation page asks for on Debian 12, without what only its debugger needs.
SWIFT_PACKAGES=(
    binutils ca-certificates gcc git libc6-dev libcurl4-openssl-dev libncurses-dev libsqlite3-dev libstdc++-12-dev
    libxml2-dev tzdata uuid-dev zlib1g-dev
)
BUILD_PACKAGES=(
    "${SWIFT_PACKAGES[@]}"
    libpq-dev libssl-dev libnftables-dev libnftnl-dev libnetfilter-conntrack-dev libmnl-dev libipset-dev libsodium-dev pkg-config
)
# haproxy: what several nodes stand behind; `./dev run` itself starts none.
RUN_PACKAGES=(nftables iproute2 haproxy)
# debootstrap makes the disks of the whole hosts in Tests/Hosts, systemd-container boots them. nginx: what
# docs/high-availability.md shows of it is run; keepalived: reads what that page shows of it. python3-yaml,
# docker-compose, python3-pyhcl: read what "knocknoc scaffold" gives for Patroni, Compose and Nomad. sqlite3: the copy
# in docs/backup.md. strace: stops a command half-way.
TEST_PACKAGES=(
    postgresql pgbouncer nftables iproute2 conntrack haproxy nginx keepalived chromium chromium-driver python3 curl
    openssl procps strace util-linux debootstrap systemd-container python3-yaml ipset iptables
    docker-compose python3-pyhcl sqlite3
)
BENCH_PACKAGES=(postgresql haproxy nftables iproute2 python3 curl openssl wrk nginx python3-cryptography fwknop-server fwknop-client knockd iptables)

# Every build refuses an import that its target does not declare.
SWIFT_BUILD=(swift build --explicit-target-dependency-import-check error)

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() {
    printf './dev: %s\n' "$*" >&2
    exit 1
}

# name_maintainer CONTROL: who makes packages for others answers for them, by the variables that Debian's own tools read, as
# those read them.
name_maintainer() {
    local address=${DEBEMAIL:-} name=${DEBFULLNAME:-}
    [[ -n $address ]] || return 0
    if [[ $address =~ ^(.*[^[:space:]])[[:space:]]*\<(.*)\>$ ]]; then
        name=${name:-${BASH_REMATCH[1]}} address=${BASH_REMATCH[2]}
    fi
    [[ $address =~ ^[^[:space:]\<\>@]+@[^[:space:]\<\>@]+$ && $name != *[[:cntrl:]\<\>]* ]] ||
        fail "DEBEMAIL: expected NAME@HOST, or Your Name <NAME@HOST>, got: $DEBEMAIL"
    MAINTAINER="${name:-Knocknoc maintainers} <$address>" \
        perl -pi -e 's/^Maintainer: .*/Maintainer: $ENV{MAINTAINER}/' "$1"
}

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# need WHY PACKAGE…: installs what is missing and says which and why.
need() {
    local why=$1 package missing=() line
    shift
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    line="apt-get install --no-install-recommends ${missing[*]}"
    command -v apt-get >/dev/null || fail "these Debian packages are needed $why, and there is no apt-get: ${missing[*]}"
    [[ $EUID -eq 0 ]] || command -v sudo >/dev/null ||
        fail "packages are missing that are needed $why, and there is no sudo; as root run:
    apt-get update && $line"
    say "Installing ${missing[*]}: needed $why."
    # RUNLEVEL keeps the packages' own services from being started; we only want the programs. Nobody is there to
    # answer a package's questions, and what is installed goes quietly unless it fails.
    local log
    log=$(mktemp)
    { as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null || {
        tail -20 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install what is needed $why; try: $line"
    }
    rm -f "$log"
}

find_swift() {
    command -v swift >/dev/null || fail "there is no swift in PATH; install Swift 6.3 or newer from swift.org/install"
}

# need_swift: a toolchain that is new enough, with the libraries that it needs itself.
need_swift() {
    local answer version major minor
    answer=$(swift --version 2>&1) || {
        need "by Swift itself" "${SWIFT_PACKAGES[@]}"
        answer=$(swift --version 2>&1) || fail "swift does not start: $answer"
    }
    version=$(sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' <<<"$answer" | head -1)
    read -r major minor <<<"${version:-0 0}"
    [[ $major -gt 6 || ($major -eq 6 && $minor -ge 3) ]] ||
        fail "Swift $major.$minor is too old; Swift 6.3 or newer is needed"
}

# build WHAT FLAG…: a build whose full output is shown only when it fails.
build() {
    local what=$1 log status=0 built=.build/debug note='; the first time takes minutes'
    shift
    [[ " $* " != *" release "* ]] || built=.build/release
    if compgen -G "$built/*.build" >/dev/null; then note=''; fi
    log=$(mktemp)
    say "Building $what$note."
    # What SwiftPM leaves in its temporary folder stays with the build, and its lock is still one for this checkout.
    mkdir -p .build/tmp
    if [[ -t 1 ]]; then TMPDIR=$PWD/.build/tmp "${SWIFT_BUILD[@]}" "$@" || status=$?; else
        TMPDIR=$PWD/.build/tmp "${SWIFT_BUILD[@]}" "$@" >"$log" 2>&1 || status=$?
        if [[ $status -ne 0 ]]; then grep -E -A6 'error:' "$log" | head -150 || tail -50 "$log"; fi
    fi
    rm -f "$log"
    find .build/tmp -maxdepth 1 -name 'TemporaryDirectory.*' -mmin +10 -exec rm -rf {} + 2>/dev/null || true
    [[ $status -eq 0 ]] || fail "the build of $what failed"
}
