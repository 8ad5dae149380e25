# ./dev sim kill|fuzz: the searches that go on for as long as they are told to. The tests run short ones of the same.

dev_sim() {
  case ${1:-} in
    kill) sim_kill "${@:2}" ;;
    fuzz) sim_fuzz "${@:2}" ;;
    *) fail "usage: ./dev sim kill [ROUNDS [SEED [FOLDER]]], ./dev sim fuzz NAME [SECONDS]" ;;
  esac
}

# A writing process is killed ROUNDS times on the same folder; the seed is told, and replays the search.
sim_kill() {
  need setup
  source tools/dev/build.sh
  configure release
  compile build store_crash
  exec build/bin/store_crash "$@"
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
  exec "build/fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -artifact_prefix=build/fuzz/bin/ "$corpus/$name"
}
