# ./dev sim power|kill|fuzz: the searches that go on for as long as they are told to. The tests run short ones.

dev_sim() {
  case ${1:-} in
    power) sim_crash power_crash "${@:2}" ;;
    kill) sim_crash store_crash "${@:2}" ;;
    fuzz) sim_fuzz "${@:2}" ;;
    *) fail "usage: ./dev sim power --images N [--seed N] | kill --rounds N [--seed N] | fuzz NAME [SECONDS]" ;;
  esac
}

# What fails says in one line how it is run again.
sim_crash() {
  need setup
  source tools/dev/build.sh
  configure release
  compile build "$1"
  exec "build/bin/$1" "${@:2}"
}

# The corpus is kept in build/fuzz/corpus, so that the next search goes on where this one ended.
sim_fuzz() {
  local name=${1:-} seconds=${2:-60} corpus=build/fuzz/corpus
  need setup
  source tools/dev/build.sh
  configure fuzz
  compile build/fuzz fuzz
  [[ -n $name && -x build/fuzz/bin/${name}_fuzz ]] ||
    fail "no fuzzer '$name' (try: $(cd build/fuzz/bin && echo *_fuzz | sed 's/_fuzz//g'))"
  [[ -d $corpus ]] || build/fuzz/bin/fuzz_seeds "$corpus"
  exec "build/fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -malloc_limit_mb=200 -rss_limit_mb=1500 \
    -artifact_prefix=build/fuzz/bin/ "$corpus/$name"
}
