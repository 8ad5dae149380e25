# ./dev test [WHAT...]: builds what the named runners need, runs each, one line a runner and the tail of its log when
# something failed. Every runner ends its own output with `N passed, N failed`; the last line here is their sum.

all_runners=(tidy gtest asan crash fuzz install python)
test_logs=$root/build/test-logs

dev_test() {
  local runners=("$@") name passed=0 failed=0 skipped=0 counts p f s
  ((${#runners[@]} > 0)) || runners=("${all_runners[@]}")
  for name in "${runners[@]}"; do
    [[ " ${all_runners[*]} " == *" $name "* ]] || fail "no runner '$name' (try: ${all_runners[*]})"
  done
  export PYTHONDONTWRITEBYTECODE=1 UBSAN_OPTIONS=print_stacktrace=1
  prepare "${runners[@]}"
  mkdir -p "$test_logs"
  exec 3>&1
  for name in "${runners[@]}"; do
    counts=$(run_runner "$name")
    read -r p f s <<<"$counts"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done
  local summary="$passed passed, $failed failed"
  if ((skipped > 0)); then summary+=", $skipped skipped"; fi
  echo "$summary"
  ((failed == 0 && passed > 0))
}

# prepare RUNNER...: everything is built before anything runs, so that a failing compiler says so first.
prepare() {
  need setup
  source tools/dev/build.sh
  local name
  for name in "$@"; do
    case $name in
      gtest | crash | install | python)
        configure release
        compile build
        ;;
      asan)
        configure asan
        compile build/asan
        ;;
      fuzz)
        configure fuzz
        compile build/fuzz fuzz
        ;;
    esac
  done
}

# run_runner NAME: prints "passed failed skipped" for the caller, and on 3 what people see.
run_runner() {
  local name=$1 log=$test_logs/$1.log status=0 line
  local started=$SECONDS passed=0 failed=0 skipped=0 told='none failed'
  "runner_$name" >"$log" 2>&1 </dev/null || status=$?
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1 || true)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]} skipped=${BASH_REMATCH[4]:-0}
  fi
  # A runner that died, or ran nothing, has failed whatever it counted.
  if ((status != 0 && failed == 0 || passed + failed + skipped == 0)); then failed=$((failed + 1)); fi
  if ((failed > 0)); then
    tail -n 60 "$log" | sed 's/^/  | /' >&3
    told="$failed FAILED (all of it: $log)"
  fi
  printf '%-8s %5d passed, %d skipped, %s, %d s\n' "$name" "$passed" "$skipped" "$told" $((SECONDS - started)) >&3
  echo "$passed $failed $skipped"
}

runner_tidy() { "$python" tests/tidy/tidy.py --self-test; }
runner_gtest() { "$python" tools/dev/counted.py gtest build/bin/test_*; }
runner_asan() { "$python" tools/dev/counted.py gtest build/asan/bin/test_*; }
runner_crash() { "$python" tools/dev/counted.py plain build/bin/*_crash; }
runner_fuzz() { "$python" tools/dev/counted.py fuzz build/fuzz/bin/*_fuzz; }
runner_install() { "$python" tests/install/run.py build; }
runner_python() { "$python" tools/dev/counted.py pytest tests/python; }
