# ./dev compat [--only-dohle] [--record] [SUITE...]: other projects' suites against this broker and against Kafka.

dev_compat() {
  need build
  exec "$python" -B tests/compat/run.py "$@"
}
