# ./dev lint [--all]: everything that looks at the text. clang-tidy is slow: changed files only, unless --all.

dev_lint() {
  local failed=0 files
  need setup
  mapfile -t files < <(sources '*.cpp' '*.hpp')
  lint_step clang-format "$(tool clang-format)" --dry-run -Werror "${files[@]}" || failed=1
  lint_step ruff "$venv/bin/ruff" check --quiet . || failed=1
  lint_step 'ruff format' "$venv/bin/ruff" format --quiet --check . || failed=1
  lint_step mypy "$venv/bin/mypy" --no-error-summary python/dohle || failed=1
  lint_step tidy "$python" -B tests/tidy/tidy.py || failed=1
  lint_clang_tidy "${1:-}" || failed=1
  return "$failed"
}

# lint_step NAME COMMAND...
lint_step() {
  local name=$1
  shift
  if "$@" >&2; then
    say "lint: $name is content"
  else
    say "lint: $name found something (./dev fmt mends what a machine can)"
    return 1
  fi
}

# clang-tidy needs the compile commands of a configured build, and the generated headers.
lint_clang_tidy() {
  local files
  source tools/dev/build.sh
  configure release
  compile build dohle_schema >/dev/null
  if [[ ${1:-} == --all ]]; then
    mapfile -t files < <(sources '*.cpp')
  else
    mapfile -t files < <(changed | grep '\.cpp$' | sort -u)
  fi
  mapfile -t files < <(printf '%s\n' "${files[@]}" | compiled)
  ((${#files[@]} > 0)) || return 0
  printf '%s\0' "${files[@]}" >build/clang-tidy.list
  lint_step clang-tidy xargs -0 -a build/clang-tidy.list -n 1 -P "$jobs" "$(tool clang-tidy)" --quiet -p build
}

changed() {
  git diff --name-only --diff-filter=d HEAD
  git ls-files --others --exclude-standard
}

# Of the files on stdin those that the build compiles: the fuzzers and the example outside the tree are not among them.
compiled() {
  while read -r file; do
    if grep -qF "\"$root/$file\"" build/compile_commands.json; then echo "$file"; fi
  done
}
