# ./dev sim [WHAT [ARGUMENTS]]: the searches that go on for as long as they are told to. Each is a script of tests/crash.

dev_sim() {
  local what=${1:-} script
  if [[ -z $what ]]; then
    echo "usage: ./dev sim WHAT [ARGUMENTS], and --help after WHAT. There is:"
    for script in tests/crash/*.py; do
      grep -q '__main__' "$script" && printf '  %-8s %s\n' "$(basename "$script" .py)" "$(sed -n '1s/^"""//p' "$script")"
    done
    return 0
  fi
  script=tests/crash/${what//-/_}.py
  [[ -f $script ]] || fail "no search '$what' (try: ./dev sim)"
  shift
  need build
  exec "$python" "$script" "$@"
}
