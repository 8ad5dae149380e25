# ./dev bench [ARGUMENTS of bench/run.py]: one JSON line a figure, with the machine's own limits beside them.

dev_bench() {
  need build
  compile build dohle_bench
  exec "$python" bench/run.py "$@"
}
