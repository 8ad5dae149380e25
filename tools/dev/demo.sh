# ./dev demo [ARGUMENTS of tools/demo.py]

dev_demo() {
  need build
  exec "$python" tools/demo.py "$@"
}
