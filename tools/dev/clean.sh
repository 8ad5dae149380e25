# ./dev clean [--all]

dev_clean() {
  rm -rf build
  if [[ ${1:-} == --all ]]; then rm -rf .venv; fi
  find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
  find bindings python \( -name '*.so' -o -name '*.egg-info' \) -prune -exec rm -rf {} + 2>/dev/null || true
}
