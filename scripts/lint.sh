# ./dev lint: the style, and the house rules that a formatter does not know.
need_swift
failed=0
report() {
    printf 'lint: %s\n' "$1"
    sed 's/^/    /' <<<"$2"
    failed=1
}

say "swift format lint"
swift format lint --strict --parallel --recursive Package.swift Sources Installer Tests Plugins || failed=1

say "house rules"
swift_files() { git ls-files -co --exclude-standard -- 'Sources/*.swift' 'Installer/*.swift' 'Plugins/*.swift' 'Tests/*.swift'; }

found=$(swift_files | while read -r file; do
    [[ -e $file ]] || continue
    lines=$(wc -l <"$file")
    [[ $lines -le 400 ]] || echo "$file: $lines lines"
done)
[[ -z $found ]] || report "a file has at most 400 lines" "$found"

found=$(git grep -nE '\btry!|\bas!|fatalError\(|preconditionFailure\(' -- 'Sources/*.swift' 'Installer/*.swift' || true)
[[ -z $found ]] || report "Sources may not stop the process on purpose (try!, as!, fatalError)" "$found"

found=$(git grep -nE '^(public |internal |package )?import Foundation$' -- 'Sources/*.swift' 'Installer/*.swift' || true)
[[ -z $found ]] || report "Sources import FoundationEssentials, never Foundation" "$found"

# Foundation's decoder stops the process over some texts: JSONText keeps it from them.
found=$(git grep -nE 'JSONDecoder\(\)' -- 'Sources/*.swift' 'Installer/*.swift' ':!Sources/KnocknocModel/Text/JSONText.swift' || true)
[[ -z $found ]] || report "Sources read JSON by JSONText" "$found"

found=$(git grep -nE '@unchecked Sendable' -- 'Sources/*.swift' 'Installer/*.swift' | grep -v '//' || true)
[[ -z $found ]] || report "@unchecked Sendable says why on its line" "$found"

found=$(git grep -nE 'Task\.sleep|usleep\(|[^_a-z]sleep\(' -- 'Tests/*Tests.swift' || true)
[[ -z $found ]] || report "a test waits for an event, it does not sleep" "$found"

# The address of this machine's own parts would not be anybody else's.
found=$(git grep -nIE '(/opt/swift|/root/|/home/[a-z])' -- . ':!scripts/lint.sh' || true)
[[ -z $found ]] || report "a path of one machine" "$found"

for script in dev scripts/*.sh .ci/run Benchmarks/*.sh; do
    [[ -e $script ]] || continue
    bash -n "$script" || failed=1
done

[[ $failed -eq 0 ]] || fail "lint found something"
say "Nothing to complain about."
