# ./dev fmt: formats everything in place.

dev_fmt() {
  need setup
  sources '*.cpp' '*.hpp' | xargs -d '\n' "$(tool clang-format)" -i
  "$venv/bin/ruff" check --quiet --fix-only .
  "$venv/bin/ruff" format --quiet .
}
