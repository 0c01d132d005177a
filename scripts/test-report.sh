# Reads what Swift Testing printed and adds it up. Sourced by test.sh.

passed=0 failed=0 skipped=0 unable=0 long=0
times=() skips=() failures=() figures=()

report_time() { times+=("$(printf '%-20s %4d s' "$1" "$2")"); }

# report_part NAME OUTPUT STATUS ROUND: counts tests (a test with arguments is one), and shows the output if any failed.
report_part() {
    local name=$1 output=$2 status=1 here_passed here_failed here_skipped line
    [[ -e $3 ]] && status=$(<"$3")
    here_passed=$(grep -cE '^✔ Test .* passed after ' "$output" || true)
    here_passed=$((here_passed - $(grep -cE '^✔ Test (run|case) ' "$output" || true)))
    here_failed=$(grep -E '^✘ Test .* failed after ' "$output" | grep -cvE '^✘ Test (run|case) ' || true)
    # What is left for --long by its own mark could run here, and is counted apart; in its later rounds it has run.
    [[ $4 -gt 1 ]] || long=$((long + $(grep -cE '^➜ Test .* skipped: "only with --long"' "$output" || true)))
    while read -r line; do figures+=("$name: ${line#measured: }"); done < <(grep -aoE 'measured: .*' "$output" || true)
    here_skipped=$(grep -E '^➜ Test .* (skipped|was cancelled)' "$output" | grep -cv '"only with --long"' || true)
    while read -r line; do
        [[ -n $line ]] || continue
        skips+=("$name: ${line#➜ }")
        unable=$((unable + 1))
    done < <(grep -E '^➜ Test .* (skipped|was cancelled)' "$output" | grep -v '"only with --long"' || true)
    while read -r line; do
        [[ -n $line ]] || continue
        failures+=("$name: ${line#✘ }")
        # Said once more at the very end, where a log that was cut still has it.
        while read -r line; do
            [[ -z $line ]] || failures+=("    ${line:0:400}")
        done < <(report_reasons "$output" "${line#✘ }")
    done < <(grep -E '^✘ Test .* failed after ' "$output" | grep -vE '^✘ Test (run|case) ' || true)
    if [[ $status -ne 0 && $here_failed -eq 0 ]]; then
        here_failed=1
        failures+=("$name: the test process ended with status $status before it could report")
        [[ $status -ne 69 ]] || failures[-1]="$name: no test matched"
    fi
    if [[ $here_failed -gt 0 ]]; then
        printf '\n----- %s: what it printed\n' "$name"
        grep -vE '^(◇|✔) ' "$output" | tail -n 400 || true
        printf -- '----- %s: end\n\n' "$name"
    fi
    printf '    %-12s %4d passed, %d failed, %d skipped\n' "$name" "$here_passed" "$here_failed" "$here_skipped"
    passed=$((passed + here_passed)) failed=$((failed + here_failed)) skipped=$((skipped + here_skipped))
}

# report_reasons OUTPUT FAILURE: what the test of this line recorded, with the lines that follow it.
report_reasons() {
    local test=${2% failed after *}
    awk -v test="✘ $test recorded an issue" '
        index($0, test) == 1 { left = 3 }
        index($0, test) != 1 && /^[✘✔◇➜] / { left = 0 }
        left-- > 0' "$1" | head -n 6
}

report_end() {
    local line
    echo
    for line in "${times[@]}"; do echo "    $line"; done
    if [[ ${#figures[@]} -gt 0 ]]; then
        echo
        for line in "${figures[@]}"; do echo "    measured  $line"; done
    fi
    [[ $long -eq 0 ]] || printf '\n    left for --long: %d\n' "$long"
    if [[ ${#skips[@]} -gt 0 ]]; then
        echo
        for line in "${skips[@]}"; do echo "    skipped  $line"; done
    fi
    if [[ ${#failures[@]} -gt 0 ]]; then
        echo
        for line in "${failures[@]}"; do
            if [[ $line == "    "* ]]; then echo "         $line"; else echo "    FAILED   $line"; fi
        done
    fi
    if [[ ${CI:-} == true && $unable -gt 0 ]]; then
        echo
        echo "    in CI a test that cannot run counts as failed: $unable"
        failed=$((failed + unable)) skipped=$((skipped - unable))
    fi
    echo
    echo "$passed passed, $failed failed, $skipped skipped"
    [[ $failed -eq 0 ]]
}
