# ./dev test [NAME…] [--long] [--filter REGEX]: builds once, runs the parts, and counts what really happened.
. scripts/test-report.sh

ALL=(
    model release protocol system identity access hub toolkit proxy installer server store enforcement agent packages conformance
    browser sites
)
declare -A TARGETS=(
    [system]=KnocknocSystemTests [toolkit]=KnocknocToolkitTests [proxy]=KnocknocReverseProxyTests [installer]=InstallerTests
    [model]=KnocknocModelTests [release]=KnocknocReleaseTests [store]=KnocknocStoreTests [protocol]=KnocknocProtocolTests
    [identity]=KnocknocIdentityTests [enforcement]=KnocknocEnforcementTests [access]=KnocknocAccessTests
    [agent]=KnocknocAgentTests [hub]=KnocknocHubTests [server]=KnocknocServerTests
    [packages]=Packages [conformance]=Conformance [browser]=Browser [sites]=Hosts
)
# Shares run one after another; the parts of one share run side by side. What measures time runs alone.
SHARES=("unit" "access and server" "store" "database" "kernel" "packages" "hosts" "browser" "sites")
declare -A MEMBERS=(
    ["unit"]="model release protocol system identity hub proxy" ["access and server"]="access server"
    ["store"]="store" ["database"]="toolkit installer" ["kernel"]="enforcement agent" ["packages"]="packages"
    ["hosts"]="conformance" ["browser"]="browser" ["sites"]="sites"
)

# How often --long runs a share: once more is only of use where processes, kernels and clocks meet, and whole hosts take long.
declare -A ROUNDS=(["unit"]=1 ["database"]=2 ["packages"]=2 ["hosts"]=2 ["sites"]=2)

names=() filter='' long_run=
while [[ $# -gt 0 ]]; do
    case $1 in
        --long)
            long_run=1
            export KNOCKNOC_SCHEDULES=${KNOCKNOC_SCHEDULES:-100000} KNOCKNOC_FUZZ_SECONDS=${KNOCKNOC_FUZZ_SECONDS:-120}
            ;;
        --filter)
            [[ $# -ge 2 ]] || { echo "./dev test: --filter needs a regular expression" >&2; exit 2; }
            filter=$2
            shift
            ;;
        -*) echo "./dev test: unknown flag $1; expected --long or --filter REGEX" >&2; exit 2 ;;
        *)
            [[ -n ${TARGETS[$1]:-} ]] || {
                echo "./dev test: there is no part \"$1\"; expected some of: ${ALL[*]}" >&2
                exit 2
            }
            names+=("$1")
            ;;
    esac
    shift
done
# A part whose folder does not exist yet is not among all.
for name in "${ALL[@]}"; do
    [[ -d Tests/${TARGETS[$name]} ]] || unset "TARGETS[$name]"
done
[[ ${#names[@]} -gt 0 ]] || names=("${ALL[@]}")
chosen=()
for name in "${names[@]}"; do [[ -n ${TARGETS[$name]:-} ]] && chosen+=("$name"); done
[[ ${#chosen[@]} -gt 0 ]] || fail "there are no tests yet for: ${names[*]}"

need "to build and to run the tests" "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
need_swift
# What tests look at packages with, and install them on.
[[ " ${chosen[*]} " != *" packages "* ]] || need "to test the packages" debootstrap fish man-db systemd-container zsh

# Everything that a test makes on this machine carries this prefix, so that what is left can be removed by it.
export KNOCKNOC_LAB_PREFIX="k$(printf '%05x' $((RANDOM * 32768 + RANDOM & 0xfffff)))"
results=$(mktemp -d)
# What tests, and the programs that they start, put into a temporary folder goes with this run, however it ends.
scratch=$(mktemp -d)
running=()
clean_up() {
    local pid name
    for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
    ip netns list 2>/dev/null | awk '{print $1}' | grep "^$KNOCKNOC_LAB_PREFIX" | while read -r name; do
        ip netns pids "$name" 2>/dev/null | while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done
        ip netns del "$name" 2>/dev/null || true
    done || true
    # What a test that failed has left behind in a host that is gone: it carries the run's prefix in its environment.
    # The search itself must not.
    env -u KNOCKNOC_LAB_PREFIX grep -lsz "^KNOCKNOC_LAB_PREFIX=$KNOCKNOC_LAB_PREFIX\$" /proc/[0-9]*/environ |
        while IFS=/ read -r _ _ pid _; do kill -KILL "$pid" 2>/dev/null || true; done || true
    # Whole hosts ended with their namespaces; their disks' mounts with them.
    for name in /sys/fs/cgroup{,/unified,/systemd}/"$KNOCKNOC_LAB_PREFIX"*; do
        find "$name" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done
    rm -rf "$results" "$scratch" ${link:+"$link"} {/var/tmp,/dev/shm}/"$KNOCKNOC_LAB_PREFIX"*
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ ${#chosen[@]} -lt ${#ALL[@]} ]]; then
    wanted=()
    for name in "${chosen[@]}"; do wanted+=("${TARGETS[$name]}"); done
    KNOCKNOC_TESTS=$(IFS=,; echo "${wanted[*]}")
    export KNOCKNOC_TESTS
fi
started=$SECONDS
build "the tests: ${chosen[*]}" --build-tests
ln -sf knocknoc .build/debug/knocker
report_time "build" $((SECONDS - started))
# Packages are tested, and whole hosts install them, as they were just built (docs/decisions/0008).
if [[ " ${chosen[*]} " == *" packages "* || " ${chosen[*]} " == *" sites "* ]]; then
    started=$SECONDS
    # By nobody in particular: a test makes them again, and compares.
    env -u DEBEMAIL -u DEBFULLNAME ./dev deb --from debug >"$results/deb.out" 2>&1 || { cat "$results/deb.out" >&2; fail "there are no packages to test"; }
    report_time "packaging" $((SECONDS - started))
fi
bundle=.build/debug/knocknocPackageTests.xctest
[[ -x $bundle ]] || fail "the build left no $bundle"
# A link of its own: what is built while the tests run replaces the file, not what this link leads to.
link=.build/debug/dev-test-$$.xctest
ln -f "$bundle" "$link"
bundle=$link
export KNOCKNOC_BIN=$PWD/.build/debug TMPDIR=$scratch

# run_part NAME ROUND: one test process; its output goes to a file that is shown whole, so that parts do not mix.
run_part() {
    local name=$1 expression="^${TARGETS[$1]}\\." status=0
    [[ -z $filter ]] || expression+=".*($filter)"
    local arguments=(--testing-library swift-testing --filter "$expression")
    # What is long by its own mark runs in the first round.
    if [[ -n $long_run && $2 -eq 1 ]]; then
        export KNOCKNOC_LONG=1 KNOCKNOC_TEST_FAILOVERS="${KNOCKNOC_TEST_FAILOVERS:-21}"
    fi
    NO_COLOR=1 "$bundle" "${arguments[@]}" >"$results/$name.out" 2>&1 </dev/null || status=$?
    sed -i 's/\x1b\[[0-9;]*m//g' "$results/$name.out"
    echo "$status" >"$results/$name.status"
}

for share in "${SHARES[@]}"; do
    parts=()
    for name in "${chosen[@]}"; do [[ " ${MEMBERS[$share]} " == *" $name "* ]] && parts+=("$name"); done
    [[ ${#parts[@]} -gt 0 ]] || continue
    started=$SECONDS
    rounds=${long_run:+${ROUNDS[$share]:-3}}
    rounds=${rounds:-1}
    for ((round = 1; round <= rounds; round++)); do
        say "Running $share: ${parts[*]}$([[ $rounds -eq 1 ]] || echo " (round $round of $rounds)")"
        running=()
        for name in "${parts[@]}"; do
            run_part "$name" "$round" &
            running+=($!)
        done
        for index in "${!parts[@]}"; do
            wait "${running[$index]}" || true
            report_part "${parts[$index]}" "$results/${parts[$index]}.out" "$results/${parts[$index]}.status" "$round"
        done
        running=()
    done
    report_time "$share" $((SECONDS - started))
done
report_end
