# ./dev deb [--from release|debug|FOLDER] [--version VERSION] [--output FOLDER]: the Debian packages.
DEB_PACKAGES=(debhelper lintian chrpath python3 git)
from=release version='' output=.build/deb
while [[ $# -gt 0 ]]; do
    [[ $# -ge 2 ]] || fail "deb takes --from release|debug|FOLDER, --version VERSION and --output FOLDER, got: $1"
    case $1 in
        --from) from=$2 ;;
        --version) version=$2 ;;
        --output) output=$2 ;;
        *) fail "deb takes --from release|debug|FOLDER, --version VERSION and --output FOLDER, got: $1" ;;
    esac
    shift 2
done
[[ $(dpkg --print-architecture) == amd64 ]] || fail "the packages are for amd64; this machine is $(dpkg --print-architecture)"
need "to make packages" "${DEB_PACKAGES[@]}"

case $from in
    release) (set -- && . scripts/build.sh) ;;
    debug)
        if [[ ! -x .build/debug/knocknoc || ! -x .build/debug/knocknoc-agent ]]; then
            need "to build" "${BUILD_PACKAGES[@]}"
            need_swift
            build "knocknoc" --product knocknoc
            build "knocknoc-agent" --product knocknoc-agent
        fi
        ;;
    *) [[ -x $from/knocknoc && -x $from/knocknoc-agent ]] || fail "there are no knocknoc and knocknoc-agent in $from" ;;
esac
case $from in release | debug) executables=.build/$from ;; *) executables=$from ;; esac

# The date that the packages carry is the commit's, so that the same commit makes the same bytes.
git_here() { git -c safe.directory="$PWD" "$@" 2>/dev/null; }
if [[ -z ${SOURCE_DATE_EPOCH:-} ]]; then
    SOURCE_DATE_EPOCH=$(git_here log -1 --format=%ct) ||
        fail "there is no commit to take the packages' date from; set SOURCE_DATE_EPOCH"
fi
export SOURCE_DATE_EPOCH
# Between releases a package is older than the release to come, and newer than those of commits before.
if [[ -z $version ]]; then
    version=$("$executables/knocknoc" version | awk '{print $2}')
    git_here describe --exact-match --tags --match "v$version" HEAD >/dev/null ||
        version+="~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(git_here rev-parse --short=8 HEAD || echo none)"
    [[ $from != debug ]] || version+="+debug"
fi

umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree"/{executables,systemd,docs/backends} "$tree"/{,agent/}{manual,completions/{bash,zsh,fish}}
cp -r Packaging/deb "$tree/debian"
name_maintainer "$tree/debian/control"
cp Packaging/systemd/knocknoc.service Packaging/systemd/knocknoc-agent.service "$tree/debian"
cp Packaging/systemd/knocknoc-guard.service "$tree/systemd"
mv "$tree/debian/knocknoc-agent.names" "$tree/agent/names"
cp README.md SECURITY.md CHANGELOG.md "$tree"
cp docs/*.md "$tree/docs"
cp docs/backends/*.md "$tree/docs/backends"
cp "$executables/knocknoc" "$executables/knocknoc-agent" "$tree/executables"
cat >"$tree/debian/changelog" <<CHANGELOG
knocknoc ($version) unstable; urgency=medium

  * What changed is in CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' "$tree/debian/control")  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG

# third_party: name, version and notice of every library, since they are part of the executables.
third_party() {
    local name version folder
    python3 -c 'import json
for pin in sorted(json.load(open("Package.resolved"))["pins"], key=lambda pin: pin["identity"]):
    print(pin["location"].rstrip("/").removesuffix(".git").split("/")[-1], pin["state"].get("version", "-"))' |
        while read -r name version; do
            folder=.build/checkouts/$name
            [[ -d $folder ]] || folder=.build/checkouts/$name.git
            [[ -d $folder ]] || continue
            printf '%s %s\n\n' "$name" "$version"
            if grep -qs 'Apache License' "$folder"/LICENSE*; then
                printf 'Apache License 2.0, see /usr/share/common-licenses/Apache-2.0\n\n'
            else
                cat "$folder"/LICENSE*
            fi
            cat "$folder"/NOTICE* 2>/dev/null || true
            printf '\n%s\n\n' "----------------------------------------"
        done
}
third_party >"$tree/third-party"

# bundle NAME: puts Swift's libraries beside an executable that is not linked statically, and has it look only there.
bundle() {
    local executable=$tree/executables/$1 package=$2 folder library queue=() found
    folder=$(readelf -d "$executable" | sed -n 's/.*R.*PATH.*\[\(.*\)\]/\1/p' | tr ':' '\n' | while read -r path; do
        [[ ! -e $path/libswiftCore.so ]] || { echo "$path" && break; }
    done)
    [[ -n $folder ]] || return 0
    mkdir -p "$tree/swift-libraries/$package"
    queue=("$executable")
    while [[ ${#queue[@]} -gt 0 ]]; do
        found=$(readelf -d "${queue[0]}" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
        queue=("${queue[@]:1}")
        for library in $found; do
            [[ -e $folder/$library && ! -e $tree/swift-libraries/$package/$library ]] || continue
            cp -L "$folder/$library" "$tree/swift-libraries/$package/"
            queue+=("$folder/$library")
        done
    done
    chrpath -r '$ORIGIN' "$executable" >/dev/null
    echo "swift-libraries/$package/* opt/$package/bin" >>"$tree/debian/$package.install"
    cat "Packaging/deb/lintian-overrides.debug" >>"$tree/debian/$package.lintian-overrides"
}
bundle knocknoc knocknoc
bundle knocknoc-agent knocknoc-agent

# What a command says of itself becomes its manual page and its completions; the server answers by three names.
describe() {
    local name=$1 executable=$2 into=${3:-$tree} shell
    (exec -a "$name" "$executables/$executable" --experimental-dump-help) |
        python3 scripts/manual.py "$name" 8 "$version" "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)" \
            knocknoc knocker knocknoc-setup knocknoc-agent >"$into/manual/$name.8"
    for shell in bash:$name zsh:_$name fish:$name.fish; do
        (exec -a "$name" "$executables/$executable" --generate-completion-script "${shell%%:*}") |
            sed '1{/^#!/d}' >"$into/completions/${shell%%:*}/${shell#*:}"
    done
}
for name in knocknoc knocker knocknoc-setup; do describe "$name" knocknoc; done
describe knocknoc-agent knocknoc-agent
# knocker of an agent's machine, which gives way to the server's.
describe knocker knocknoc-agent "$tree/agent"

say "Packaging knocknoc and knocknoc-agent $version."
(cd "$tree" && env -u DEB_BUILD_OPTIONS -u DEB_BUILD_PROFILES LC_ALL=C.UTF-8 TZ=UTC \
    dpkg-buildpackage --build=binary --no-sign --no-check-builddeps) >"$work/log" 2>&1 || {
    tail -40 "$work/log" >&2
    fail "the packages could not be made"
}
if [[ $from == release ]]; then
    say "Checking them with lintian."
    lintian --fail-on error "$work"/*.changes || fail "lintian found errors"
fi
mkdir -p "$output"
rm -f "$output"/knocknoc_*.deb "$output"/knocknoc-agent_*.deb
mv "$work"/*.deb "$output"
ls -l "$output"/*.deb | awk '{print $9, $5}'
